import { type FeatureMap, type FeatureMaps, verdictOf } from '@roomful/tensor'
import { EngineError, type InferenceEngine, type StageSession } from './engine.ts'
import { type HeldMap, isHeld, readBack } from './held-map.ts'

/** Logits that end a chain: of an exit that is as confident as this, after temperature scaling. */
export interface ChainGate {
  readonly temperature: number
  /** Confidence from which on nothing after the step is needed. */
  readonly threshold: number
}

/** One session of a chain. The tensors stand in the order of the session's own inputs and outputs, by names of the chain's. */
export interface ChainStep<S = StageSession> {
  readonly session: S
  readonly takes: readonly string[]
  readonly gives: readonly string[]
  /** Of the step's first output. */
  readonly gate?: ChainGate
}

/** When a step ran. Clocks of two threads are never compared. */
export interface StepTime {
  readonly computeMs: number
  /** From its end until it was told. */
  readonly agoMs: number
}

/** What is told of a chain at once: the steps since the last time, and the maps that are given. */
export interface ChainPart {
  readonly steps: readonly StepTime[]
  readonly maps: FeatureMaps
}

export interface TapPart extends ChainPart {
  /** To be called when nobody reads the maps any more, if that is known: a later tap may then be written into their memory. */
  readonly release?: () => void
}

export interface ChainOptions {
  readonly signal?: AbortSignal | undefined
  /** No step begins any more once it aborts, but for the first; the rest can be run later. */
  readonly pause?: AbortSignal | undefined
  /** Maps given to the chain that the caller needs afterwards; the others' memory may be moved. */
  readonly keep?: readonly string[]
  /**
   * Tensors that are given as soon as they are made, while the chain goes on. Others may read the same memory (out of a Worker it
   * is shared where the page is cross-origin isolated): nobody may write into it.
   */
  readonly taps?: readonly string[]
  readonly onTap?: (part: TapPart) => void
  /** The clock of this thread, for `agoMs`; an engine in a Worker has its own. Default `performance.now`. */
  readonly now?: () => number
}

export interface ChainRun extends ChainPart {
  /** Steps that have run: all of them unless paused or ended. `maps`: what those after them take, or what the last one gave. */
  readonly done: number
  /** The last of them was confident: the others are not needed. `maps` is what it gave. */
  readonly ended?: boolean
}

/** Runs a chain the best way that the engine has. @throws EngineError; `signal.reason` */
export function runChain(
  engine: InferenceEngine,
  steps: readonly ChainStep[],
  maps: FeatureMaps,
  options: ChainOptions = {},
): Promise<ChainRun> {
  if (engine.chain !== undefined) return engine.chain(steps, maps, options)
  const { signal, pause, keep = [], taps = [], onTap, now } = options
  return runSteps(steps, maps, keep, taps, { signal, onTap, now, stopped: () => pause?.aborted ?? false })
}

export interface StepsHost {
  readonly stopped: () => boolean
  /** Awaited between two steps, so that whatever else the thread has been told is heard. */
  readonly between?: () => Promise<void>
  readonly signal?: AbortSignal | undefined
  readonly onTap?: ((part: ChainPart) => void) | undefined
  /** A map that nothing of the chain takes any more, given or made, and whose memory no other has. */
  readonly onSpent?: ((map: FeatureMap) => void) | undefined
  readonly now?: (() => number) | undefined
}

/**
 * Runs sessions one after the other, each on what those before it gave; maps are let go with the last step that takes them, and stay
 * with the backend in between where it can hold them. What every engine does that has no better way, and what a Worker does.
 * @throws EngineError; `signal.reason`
 */
export async function runSteps(
  steps: readonly ChainStep[],
  given: FeatureMaps,
  keep: readonly string[],
  taps: readonly string[],
  host: StepsHost,
): Promise<ChainRun> {
  const held = new Set<HeldMap>()
  try {
    return await runHolding(steps, given, keep, taps, host, held)
  } finally {
    for (const map of held) map.release()
  }
}

async function runHolding(
  steps: readonly ChainStep[],
  given: FeatureMaps,
  keep: readonly string[],
  taps: readonly string[],
  host: StepsHost,
  held: Set<HeldMap>,
): Promise<ChainRun> {
  const { signal, between, now = () => performance.now() } = host
  const bag = new Map(Object.entries(given))
  const ended: { readonly computeMs: number; readonly endMs: number }[] = []
  const tell = (maps: FeatureMaps): ChainPart => {
    const nowMs = now()
    return { steps: ended.splice(0).map(({ computeMs, endMs }) => ({ computeMs, agoMs: nowMs - endMs })), maps }
  }
  let done = 0
  for (const { session, takes, gives, gate } of steps) {
    if (done > 0 && host.stopped()) break
    signal?.throwIfAborted()
    const { inputs, keepInputs } = inputsOf(steps, done, bag, [...keep, ...taps])
    const hold = done + 1 < steps.length
    const { outputs, computeMs } = await session.run(inputs, { signal, keepInputs, hold })
    for (const map of Object.values(outputs)) if (isHeld(map)) held.add(map)
    ended.push({ computeMs, endMs: now() })
    const spent = takes.filter((name) => !isTaken(steps, done + 1, name)).map((name) => bag.get(name))
    for (const name of takes) if (!isTaken(steps, done + 1, name)) bag.delete(name)
    for (const [i, name] of gives.entries()) {
      const map = outputs[session.outputs[i] ?? '']
      if (map === undefined) throw new EngineError('malformed', `a session gave no ${name}`)
      bag.set(name, map)
    }
    for (const map of spent) letGo(map, bag, held, host.onSpent)
    done++
    if (gate !== undefined && isConfident(gate, bag.get(gives[0] ?? ''))) {
      return { done, ended: true, ...tell(pick(bag, gives)) }
    }
    if (done === steps.length) break
    const tapped = gives.filter((name) => taps.includes(name))
    if (tapped.length > 0) host.onTap?.(tell(pick(bag, tapped)))
    await between?.()
  }
  const last = steps[done - 1]?.gives ?? []
  const needed = done === steps.length ? last : [...bag.keys()]
  return { done, ...tell(pick(bag, needed)) }
}

function inputsOf(
  steps: readonly ChainStep[],
  at: number,
  bag: ReadonlyMap<string, FeatureMap>,
  keep: readonly string[],
) {
  const { session, takes } = steps[at] ?? { session: undefined, takes: [] }
  const inputs: Record<string, FeatureMap> = {}
  const keepInputs: string[] = []
  for (const [i, name] of takes.entries()) {
    const [own, map] = [session?.inputs[i], bag.get(name)]
    if (own === undefined || map === undefined) throw new EngineError('shape', `a session of a chain lacks ${name}`)
    inputs[own] = map
    if (keep.includes(name) || isTaken(steps, at + 1, name)) keepInputs.push(own)
  }
  return { inputs, keepInputs }
}

const isConfident = ({ temperature, threshold }: ChainGate, logits: FeatureMap | undefined): boolean =>
  logits !== undefined && verdictOf(logits, temperature).confidence >= threshold

function letGo(
  map: FeatureMap | undefined,
  others: ReadonlyMap<string, FeatureMap>,
  held: Set<HeldMap>,
  onSpent: StepsHost['onSpent'],
): void {
  if (map === undefined) return
  if (isHeld(map)) {
    held.delete(map)
    map.release()
  } else if (isAlone(map, others)) onSpent?.(map)
}

/** Whether none of the others lies in the map's memory: a session may give what it was given. */
function isAlone(map: FeatureMap, others: ReadonlyMap<string, FeatureMap>): boolean {
  return ![...others.values()].some((other) => !isHeld(other) && other.data.buffer === map.data.buffer)
}

/** Whether a step from `at` on takes the tensor. */
function isTaken(steps: readonly ChainStep[], at: number, name: string): boolean {
  return steps.some(({ takes }, index) => index >= at && takes.includes(name))
}

/** Read back: what leaves a chain is nobody's but its receiver's. */
const pick = (bag: ReadonlyMap<string, FeatureMap>, names: readonly string[]): FeatureMaps =>
  Object.fromEntries(names.flatMap((name) => (bag.has(name) ? [[name, readBack(bag.get(name) as FeatureMap)]] : [])))
