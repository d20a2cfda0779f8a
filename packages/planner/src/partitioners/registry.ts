import { aofl } from './aofl.ts'
import { auto } from './auto.ts'
import { ccied } from './ccied.ts'
import { chain } from './chain.ts'
import { ciahp } from './ciahp.ts'
import { coedge } from './coedge.ts'
import { cogent } from './cogent.ts'
import { deeperthings, deepthings } from './deepthings.ts'
import { distredge } from './distredge.ts'
import { ecnu } from './ecnu.ts'
import { edgeld } from './edgeld.ts'
import { edgent } from './edgent.ts'
import { exhaustive } from './exhaustive.ts'
import { jalad } from './jalad.ts'
import { local } from './local.ts'
import { mednn } from './mednn.ts'
import type { Method } from './method.ts'
import { modnn } from './modnn.ts'
import { neurosurgeon } from './neurosurgeon.ts'
import { offload } from './offload.ts'

/** Every method in the order of tables; `auto` last. */
export const METHODS: readonly Method[] = [
  local,
  offload,
  neurosurgeon,
  jalad,
  edgent,
  chain,
  modnn,
  mednn,
  deepthings,
  deeperthings,
  aofl,
  coedge,
  edgeld,
  distredge,
  cogent,
  ecnu,
  ccied,
  ciahp,
  exhaustive,
  auto,
]

export const methodNamed = (name: string): Method | undefined => METHODS.find((method) => method.name === name)
