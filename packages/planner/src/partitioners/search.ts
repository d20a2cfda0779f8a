import type { Plan, Topology, WireFormat } from '@roomful/core'
import { type Draft, PICTURE_LOSS, PIXELS_LOSS, wholeVolume } from '../evaluator/draft.ts'
import type { QuickEvaluation } from '../evaluator/evaluation.ts'
import { Evaluator } from '../evaluator/evaluator.ts'
import { draftKind } from '../evaluator/kind.ts'
import { readinessMs } from '../evaluator/readiness.ts'
import { compileRoom, type Room } from '../evaluator/room.ts'
import { lastPoint, type PlannableModel, pointAt, pointIndex, segmentAt } from '../model/plannable.ts'
import { sameWire } from '../model/wires.ts'
import { CPU_BACKENDS } from '../predictor/cpu.ts'
import type { LatencyPredictor } from '../predictor/predictor.ts'
import { Exchanges } from './exchange.ts'
import { type PlanningLimits, type ResolvedLimits, resolveLimits } from './limits.ts'
import type { Refusal } from './refusal.ts'

/**
 * Two engines measured one after the other on a throttled device differ by a fifth for no reason. TensorFlow.js took 0.64 to 0.88 x ONNX
 * Runtime's time on WASM for six nets of convolutions (docs/runtime.md): it is taken unless it is predicted to be slower by more than that. [ours]
 */
const LIKELY = 0.8

/** What all methods look at: one model, one room, one evaluator, the limits. */
export class Search {
  /** Without its exits where the limits do not want any, so that no method and no known plan can use them. */
  readonly model: PlannableModel
  readonly room: Room
  readonly limits: ResolvedLimits
  readonly evaluator: Evaluator
  readonly predictor: LatencyPredictor
  readonly exchanges: Exchanges
  /** Index of the trunk's output. */
  readonly last: number
  /** First cut point that may leave the initiator; 0 is the picture itself. */
  readonly firstCut: number
  /** Per device the processor that runs the whole model fastest. */
  readonly main: readonly number[]
  /** Indices of all devices but the initiator. */
  readonly helpers: readonly number[]
  /** What plans may use: all processors, but of those on one CPU only the one that runs this net fastest. */
  readonly processors: readonly number[]
  readonly #wires: number[] = []
  #refusal: Refusal | undefined

  constructor(
    model: PlannableModel,
    topology: Topology,
    predictor: LatencyPredictor,
    limits: PlanningLimits,
    wider?: { readonly search: Search; readonly without?: number | undefined },
  ) {
    this.predictor = predictor
    this.limits = resolveLimits(limits)
    this.model = this.limits.exits ? model : { ...model, exits: [], settings: [] }
    this.room = wider?.search.room ?? compileRoom(topology, predictor)
    this.evaluator = wider?.search.evaluator ?? new Evaluator(this.model, this.room, this.limits)
    this.exchanges = wider?.search.exchanges ?? new Exchanges(this.model, this.room)
    this.last = lastPoint(model)
    this.firstCut = this.#privatePrefix()
    const main = wider?.search.main ?? this.room.devices.map((device) => this.#fastest(device.processors))
    const without = wider?.without
    this.main = without === undefined ? main : main.map((processor, device) => (device === without ? -1 : processor))
    this.processors =
      wider?.search.processors ?? this.room.devices.flatMap((device) => this.#offered(device.processors))
    this.helpers = this.room.devices.slice(1).flatMap(({ index }) => (index === without ? [] : [index]))
  }

  mainOf(device: number): number {
    const processor = this.main[device]
    if (processor === undefined) throw new RangeError(`no device ${device}`)
    return processor
  }

  /** Whether the initiator can compute at all. */
  get ready(): boolean {
    return (this.main[0] ?? -1) >= 0
  }

  /** Wire of the methods that do not choose one: `limits.wire`, else the smallest plain one without visible loss. */
  wire(point: number): number {
    const known = this.#wires[point]
    if (known !== undefined) return known
    const { wires } = pointAt(this.model, point)
    const wanted: WireFormat = this.limits.wire ?? { bits: 8, entropy: 'none' }
    // A volume boundary is crossed several times by most methods: no single wire may use the whole budget up.
    const allowed = (loss: number) => loss <= this.limits.maxAccuracyLoss / 4 || loss === 0
    let found = wires.findIndex((option) => sameWire(option.wire, wanted) && allowed(option.accuracyLoss))
    if (found < 0) found = wires.findIndex((option) => option.wire.bits === 16 && allowed(option.accuracyLoss))
    const index = point === this.last ? 0 : Math.max(0, found)
    this.#wires[point] = index
    return index
  }

  /** How the picture may leave the initiator, without what is hardly ever best. */
  get inputs(): readonly Draft['input'][] {
    if (this.firstCut > 0) return ['tensor']
    return PICTURE_LOSS <= this.limits.maxAccuracyLoss ? [this.raw, 'jpeg'] : [this.raw]
  }

  /** The picture as it is: its pixels, or the exact tensor where no loss at all is allowed or wires are to be wide. */
  get raw(): Draft['input'] {
    const { maxAccuracyLoss, wire } = this.limits
    return PIXELS_LOSS <= maxAccuracyLoss && (wire?.bits ?? 8) <= 8 && this.firstCut === 0 ? 'pixels' : 'tensor'
  }

  /** Bits per value of `raw`. */
  get rawBits(): number {
    return this.raw === 'pixels' ? 8 : this.model.picture.tensorBits
  }

  /** The deepest point to which everything from `from` on can be split by rows; `from` where nothing can. */
  lastRows(from = this.firstCut): number {
    if (pointAt(this.model, from).rows < 1) return from
    let to = from
    while (to < this.last && pointAt(this.model, to + 1).rows >= 2) {
      if (segmentAt(this.model, to).tables() === undefined) break
      to++
    }
    return to
  }

  evaluate(draft: Draft): QuickEvaluation {
    return this.evaluator.quick(draft)
  }

  /** Lower is better: expected latency or period, in ms; Infinity where the limits are broken. */
  cost(draft: Draft, evaluation: QuickEvaluation = this.evaluate(draft)): number {
    if (!evaluation.feasible || evaluation.accuracyLoss > this.limits.maxAccuracyLoss + 1e-9)
      return Number.POSITIVE_INFINITY
    if (this.firstCut > 0 && !this.#keepsRaw(draft)) return Number.POSITIVE_INFINITY
    const { dwellMs } = this.limits
    const extra = dwellMs === undefined ? 1 : 1 + readinessMs(this.evaluator, draft) / dwellMs
    if (this.limits.objective === 'latency') return evaluation.latencyMs * extra
    // Of two equally long periods the one with the sooner answer is better.
    const { throughputPerSecond, fullMs } = evaluation
    return throughputPerSecond > 0 ? (1000 / throughputPerSecond) * extra + fullMs * 1e-4 : Number.POSITIVE_INFINITY
  }

  /**
   * What is known of this draft's kind, over what is predicted of it. Within a kind it changes nothing: climbs, which mostly stay there, go by
   * `cost` alone; whoever compares kinds multiplies with it.
   */
  kindFactor(draft: Draft): number {
    const { predictor, limits, room } = this
    if (predictor.kindFactor === undefined || limits.objective === 'throughput') return 1
    return predictor.kindFactor(draftKind(draft, this.model.digest, room))
  }

  /** What a climb goes down first: for throughput all that is busy, since `cost` moves with the busiest alone. */
  spread(draft: Draft, evaluation: QuickEvaluation = this.evaluate(draft)): number {
    const cost = this.cost(draft, evaluation)
    return this.limits.objective === 'throughput' && Number.isFinite(cost) ? evaluation.busyMs : cost
  }

  /** When the whole network's answer is there, with what is known of the draft's kind; what deadlines are held against. */
  fullMs(draft: Draft, evaluation: QuickEvaluation = this.evaluate(draft)): number {
    return evaluation.fullMs * this.kindFactor(draft)
  }

  /** The cheapest of some drafts; undefined when none keeps the limits (then `whyNot` says the last reason). */
  best(drafts: Iterable<Draft>): Draft | undefined {
    let best: Draft | undefined
    let bestCost = Number.POSITIVE_INFINITY
    for (const draft of drafts) {
      const evaluation = this.evaluate(draft)
      const cost = this.cost(draft, evaluation)
      if (cost === Number.POSITIVE_INFINITY) this.#note(evaluation)
      if (cost >= bestCost) continue
      best = draft
      bestCost = cost
    }
    return best
  }

  /** The Plan of a draft with its prediction, and what is known of its kind. */
  plan(draft: Draft, method: string, evaluation: QuickEvaluation = this.evaluate(draft)): Plan {
    const factor = this.kindFactor(draft)
    const { latencyMs, fullMs } = evaluation
    return this.evaluator.plan(draft, method, { ...evaluation, latencyMs: latencyMs * factor, fullMs: fullMs * factor })
  }

  /** The refusal for the drafts that `best` saw, or for there having been none. */
  whyNot(): Refusal {
    return this.#refusal ?? { ok: false, reason: 'no-peers', message: 'no device can take a part of the network' }
  }

  #note(evaluation: QuickEvaluation): void {
    const { feasible, accuracyLoss, why } = evaluation
    const points = (share: number) => `${(share * 100).toFixed(1)} points`
    const { maxAccuracyLoss } = this.limits
    if (!feasible) {
      const reason = why?.includes('linked') === true ? 'no-link' : 'memory'
      this.#refusal ??= { ok: false, reason, message: `cannot run: ${why}` }
    } else if (accuracyLoss > maxAccuracyLoss) {
      const message = `would lose ${points(accuracyLoss)} of accuracy; ${points(maxAccuracyLoss)} are allowed`
      this.#refusal = { ok: false, reason: 'accuracy', message }
    } else
      this.#refusal ??= { ok: false, reason: 'privacy', message: 'would send data that must stay on the initiator' }
  }

  /** One search per trunk within the loss; all share the room, the predictor and the limits. */
  withTrunks(): Search[] {
    const trunks = this.model.trunks.filter((trunk) => trunk.trunkLoss <= this.limits.maxAccuracyLoss)
    return [this, ...trunks.map((trunk) => this.onTrunk(trunk))]
  }

  /** The same search over another trunk of the model. */
  onTrunk(trunk: PlannableModel): Search {
    return new Search(trunk, this.room.topology, this.predictor, this.limits)
  }

  /** The same search under other limits. */
  withLimits(limits: Partial<PlanningLimits>): Search {
    return new Search(this.model, this.room.topology, this.predictor, { ...this.limits, ...limits })
  }

  /**
   * The same search with less allowed, over the same tables: stricter `limits` (of privacy, accuracy and exits), or one helper
   * left out. Its drafts are drafts of this search too.
   */
  stricter(limits: Pick<PlanningLimits, 'privacy' | 'maxAccuracyLoss' | 'exits'>, without?: number): Search {
    const wider = { search: this, without }
    return new Search(this.model, this.room.topology, this.predictor, { ...this.limits, ...limits }, wider)
  }

  /** Everything on one device. */
  single(device: number, input: Draft['input'] = 'tensor'): Draft {
    return { input, volumes: [wholeVolume(0, this.last, this.mainOf(device))], exits: [], shares: [] }
  }

  #keepsRaw(draft: Draft): boolean {
    const [first] = draft.volumes
    const [shard] = first?.shards ?? []
    if (first === undefined || shard === undefined || first.shards.length !== 1) return false
    return this.room.processors[shard.processor]?.device === 0 && first.to >= Math.min(this.firstCut, this.last)
  }

  #privatePrefix(): number {
    if (this.limits.privacy === 'none') return 0
    const { privateUntil } = this.limits
    const named = privateUntil === undefined ? 1 : pointIndex(this.model, privateUntil)
    return named < 1 ? this.last : named
  }

  #offered(processors: readonly number[]): readonly number[] {
    const onCpu = processors.filter((at) => CPU_BACKENDS.has(this.room.processors[at]?.backend ?? 'ort-webgpu'))
    const best = this.#fastest(onCpu)
    return processors.filter((at) => at === best || !onCpu.includes(at))
  }

  #fastest(processors: readonly number[]): number {
    let best = -1
    let bestMs = Number.POSITIVE_INFINITY
    for (const processor of processors) {
      const isLikely = this.room.processors[processor]?.backend === 'tfjs-wasm'
      const ms = this.evaluator.costs.wholeMs(processor, 0, this.last) * (isLikely ? LIKELY : 1)
      if (ms >= bestMs) continue
      best = processor
      bestMs = ms
    }
    return best
  }
}
