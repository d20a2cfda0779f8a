import { auto } from './auto.ts'
import { chain } from './chain.ts'
import { local } from './local.ts'
import type { Method } from './method.ts'
import { neurosurgeon } from './neurosurgeon.ts'
import { offload } from './offload.ts'

/** Every method in the order of tables; `auto` last. */
export const METHODS: readonly Method[] = [local, offload, neurosurgeon, chain, auto]

export const methodNamed = (name: string): Method | undefined => METHODS.find((method) => method.name === name)
