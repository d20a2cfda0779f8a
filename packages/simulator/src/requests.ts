import { type Clock, type ExitName, errorText, type Random, ReasonedError, sleep, type Trace } from '@roomful/core'
import type { PictureInput, Runtime } from '@roomful/runtime'
import { shade } from './device/simulated-codec.ts'
import { MARKS, markedMap } from './model/mark.ts'
import type { SimulatedModel } from './model/simulated-model.ts'
import type { RequestPattern } from './scenario.ts'

/** One request from its arrival to its only end. Times count from the start of the requests. */
export interface RequestRecord {
  readonly id: number
  readonly startMs: number
  readonly endMs: number
  readonly method: string
  /** `ok`, or the reason of the error that it ended with. */
  readonly outcome: string
  readonly exit?: ExitName
  readonly message?: string
  readonly trace?: Trace
}

export interface RequestsOptions {
  readonly clock: Clock
  readonly random: Random
  readonly runtime: Runtime
  readonly model: SimulatedModel
  readonly pattern: RequestPattern
  readonly method: string
}

/** Asks as the pattern says; resolves when every request has ended. */
export async function runRequests(options: RequestsOptions): Promise<RequestRecord[]> {
  const { clock, random, pattern } = options
  const originMs = clock.now()
  // Drawn beforehand, so that requests are the same whatever happens to them.
  const marks = Array.from({ length: pattern.count }, () => random.int(MARKS))
  const ask = (id: number) => askOne(options, id, marks[id] ?? 0, originMs)
  const records: RequestRecord[] = []
  if (pattern.kind === 'closed') {
    const { count, inFlight, untilMs = Number.POSITIVE_INFINITY } = pattern
    let next = 0
    const loop = async () => {
      for (let id = next++; id < count && clock.now() - originMs < untilMs; id = next++) records.push(await ask(id))
    }
    await Promise.all(Array.from({ length: inFlight }, loop))
  } else {
    const asked: Promise<RequestRecord>[] = []
    for (let id = 0; id < pattern.count; id++) {
      asked.push(ask(id))
      const gap = pattern.arrivals === 'even' ? 1 : -Math.log(1 - random.next())
      await sleep(clock, (gap * 1000) / pattern.perSecond)
    }
    records.push(...(await Promise.all(asked)))
  }
  return records.sort((a, b) => a.id - b.id)
}

async function askOne(
  { clock, runtime, model, pattern, method }: RequestsOptions,
  id: number,
  mark: number,
  originMs: number,
): Promise<RequestRecord> {
  const startMs = clock.now() - originMs
  const ended = () => ({ id, startMs, endMs: clock.now() - originMs, method })
  try {
    const { exit, trace } = await runtime.infer(inputOf(model, mark), { deadlineMs: pattern.deadlineMs })
    return { ...ended(), outcome: 'ok', exit, trace }
  } catch (error) {
    const outcome = error instanceof ReasonedError ? error.reason : 'error'
    return { ...ended(), outcome, message: errorText(error) }
  }
}

function inputOf(model: SimulatedModel, mark: number): PictureInput {
  const { spec, dims } = model.input
  return spec === undefined ? { tensor: markedMap(dims, mark) } : { picture: shade(spec.width, spec.height, mark) }
}
