import type { DeviceId, Plan, Schedule } from '@roomful/core'
import { ReasonedError } from '@roomful/core'
import type { HandPlan, RequestView, RoomSnapshot } from './snapshot.ts'

export class RoomfulError extends ReasonedError<
  | 'bad-invite'
  | 'not-a-picture'
  | 'bad-model'
  | 'no-model'
  | 'superseded'
  | 'left'
  | 'too-large'
  | 'deadline'
  | 'unavailable'
  | 'unsupported'
> {
  override readonly name = 'RoomfulError'
}

/** RGBA pixels, row-major, 4 bytes each, as in ImageData. */
export interface Picture {
  readonly width: number
  readonly height: number
  readonly data: Uint8ClampedArray<ArrayBuffer>
}

export interface InferOptions {
  readonly signal?: AbortSignal
  /** The answer or a typed error comes within this time. Default 10,000 ms, minimum 1. */
  readonly deadlineMs?: number
  /** For pictures that show nothing the model knows (the test pattern): time the room, claim no label. Default true. */
  readonly claimLabel?: boolean
  /** Look into and fill the room's cache. Default true for `infer`, false for `inferStream`: no two frames are equal. */
  readonly cache?: boolean
}

export interface PlanningOptions {
  readonly objective: 'latency' | 'throughput'
  /** Accuracy points that exits and wire formats may cost, 0..1. */
  readonly maxAccuracyLoss: number
  readonly privacy: 'none' | 'raw-stays-local'
  readonly exits: boolean
}

export interface FrameOptions extends InferOptions {
  /** Frames in flight at once. Default two per stage of the plans in use. */
  readonly window?: number
  /** Default `latest`. */
  readonly frames?: 'latest' | 'every'
}

export interface HandPlanOptions {
  /** Evaluate the exits that hang on the plan's cuts. Default true. */
  readonly exits?: boolean
}

/** What a device holds at one moment, for itself and for others. */
export interface Held {
  readonly plans: number
  /** Sub-models that are built, in use or kept warm for the next plan. */
  readonly sessions: number
  readonly requests: number
  /** Feature maps that wait for their missing rows or their turn. */
  readonly bufferedBytes: number
}

/** A device's seat in a room: the whole public surface that the page is built on. */
export interface RoomSession extends AsyncDisposable {
  readonly self: DeviceId
  readonly snapshot: RoomSnapshot
  /** For leak checks: bounded whatever happens, and without requests and bytes at rest. */
  readonly held: Held
  /** Calls back with every new snapshot; changes made in one task come as one. Returns an undo. */
  onChange(listener: (snapshot: RoomSnapshot) => void): () => void

  /**
   * A model package's folder URL, or an ONNX file (a Blob is read in a Worker, bytes are copied), which becomes the room's
   * model. Of several that are asked for the last one wins, whichever is opened first. What fails or is aborted before its
   * plan is installed changes nothing.
   * @throws RoomfulError `bad-model`, `superseded` (another model was asked for meanwhile), `left`; RuntimeError when no plan
   * can be prepared; `signal.reason`
   */
  loadModel(source: string | Uint8Array | Blob, options?: { signal?: AbortSignal; name?: string }): Promise<void>
  /**
   * @throws RoomfulError `not-a-picture`, `deadline`, `no-model`, `left`, `unsupported` (an observer asks nothing);
   * RuntimeError when the room has no answer; `signal.reason`
   */
  infer(picture: Picture, options?: InferOptions): Promise<RequestView>
  /**
   * Latest frame wins: frames that arrive while the window is full replace the one that waits. `frames: 'every'` leaves none
   * out and answers in their order, for recordings. What `infer` throws for a device or an option, the iterator does; a frame
   * that fails or is no picture is told in the snapshot's messages, and the stream goes on.
   */
  inferStream(frames: AsyncIterable<Picture>, options?: FrameOptions): AsyncIterable<RequestView>

  /**
   * Replaces the planner until `planAutomatically`.
   * @throws PlanError when it does not fit the model or the room; RoomfulError `no-model`, `left`
   */
  planByHand(plan: HandPlan, options?: HandPlanOptions): Promise<void>
  /**
   * Installs any Plan as it is, such as one a partitioner made elsewhere, or a schedule of several that take requests in
   * turn; replaces the planner until `planAutomatically`.
   * @throws PlanError when it is malformed or does not fit the model or the room; RuntimeError when it cannot be prepared
   */
  installPlan(plan: Plan | Schedule): Promise<void>
  /** @throws RoomfulError `left`; RuntimeError when no plan can be prepared */
  planAutomatically(options?: Partial<PlanningOptions>): Promise<void>

  /**
   * Measures this device's backends again, on the engines that run already: after it has become slower or faster (heat,
   * battery saving). Takes about two seconds a backend; the new speeds are in the profile when it resolves.
   */
  measure(): Promise<void>
  rename(name: string): void
  allowLending(allowed: boolean): void
  /** Ends everything in order: requests, links, workers. Idempotent. */
  leave(): Promise<void>
}
