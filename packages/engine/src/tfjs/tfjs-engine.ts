import { type Backend, errorText, SerialQueue } from '@roomful/core'
import { elementCount, type FeatureMap, type FeatureMaps } from '@roomful/tensor'
import * as tf from '@tensorflow/tfjs-core'
import {
  type EngineCounters,
  EngineError,
  type InferenceEngine,
  type RunOptions,
  type StageRun,
  type StageSession,
} from '../engine.ts'
import { isHeld } from '../held-map.ts'
import { untilAborted } from '../until-aborted.ts'
import { canHold, HeldTensor, heldTensor } from './held-tensor.ts'
import { toOnnx, toStored } from './layout.ts'
import { compileProgram, type Program } from './program.ts'

export interface TfjsEngineOptions {
  readonly backend: Backend
  /** Tells the engine when its device or context is gone. */
  readonly watch?: (lost: (message: string) => void) => void
}

/**
 * TensorFlow.js in this Worker, on the backend that is active. TensorFlow.js is global: one engine per Worker. `counters`
 * counts this realm's tensors beyond those that existed when the engine was made.
 */
export class TfjsEngine implements InferenceEngine {
  readonly backend: Backend
  readonly threads = 1
  readonly lost: Promise<EngineError>
  readonly #queue = new SerialQueue()
  readonly #sessions = new Set<TfjsStage>()
  readonly #tensorsBefore = tf.memory().numTensors
  #ended: EngineError | undefined

  constructor(options: TfjsEngineOptions) {
    this.backend = options.backend
    this.lost = new Promise((resolve) => {
      options.watch?.((message) => {
        this.#ended ??= new EngineError('lost', message)
        resolve(this.#ended)
      })
    })
  }

  load(stage: Uint8Array, options: { signal?: AbortSignal; label?: string } = {}): Promise<StageSession> {
    const { signal, label = 'the sub-model' } = options
    const loading = this.#queue.run(async () => {
      this.#check()
      const program = judged(label, () => compileProgram(stage))
      const session: TfjsStage = new TfjsStage(program, label, this.#queue, {
        check: () => this.#check(),
        forget: () => this.#sessions.delete(session),
      })
      this.#sessions.add(session)
      return session
    }, signal)
    return untilAborted(loading, signal, (late) => late[Symbol.asyncDispose]())
  }

  #check(): void {
    if (this.#ended !== undefined) throw this.#ended
  }

  async counters(): Promise<EngineCounters> {
    return { sessions: this.#sessions.size, liveTensors: tf.memory().numTensors - this.#tensorsBefore }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended ??= new EngineError('disposed', 'the engine is disposed')
    await this.#queue.run(async () => {
      for (const session of this.#sessions) session.release()
    })
  }
}

class TfjsStage implements StageSession {
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  #released = false

  constructor(
    private readonly program: Program,
    private readonly label: string,
    private readonly queue: SerialQueue,
    private readonly keeper: { check(): void; forget(): void },
  ) {
    this.inputs = program.inputs.map(({ name }) => name)
    this.outputs = program.outputs
  }

  run(inputs: FeatureMaps, { signal, hold = false }: RunOptions = {}): Promise<StageRun> {
    const arrivedMs = performance.now()
    const holds = hold && canHold()
    const running = this.queue.run(() => this.#compute(inputs, performance.now() - arrivedMs, holds), signal)
    return untilAborted(running, signal, ({ outputs }) => {
      for (const map of Object.values(outputs)) if (isHeld(map)) map.release()
    })
  }

  async #compute(inputs: FeatureMaps, queueMs: number, holds: boolean): Promise<StageRun> {
    this.keeper.check()
    if (this.#released) throw new EngineError('disposed', `${this.label}: its session is disposed`)
    const startMs = performance.now()
    const results = judged(this.label, () =>
      tf.tidy(() => {
        const made = this.program.run(this.#feeds(inputs))
        // A tensor of its own even where the program gives what it was given: either may be let go before the other.
        return made.map((output) => (holds ? output.clone() : toOnnx(output)))
      }),
    )
    if (holds) {
      const held = this.outputs.flatMap((name, i) => {
        const result = results[i]
        return result === undefined ? [] : [[name, new HeldTensor(result)] as const]
      })
      return { outputs: Object.fromEntries(held), computeMs: performance.now() - startMs, queueMs }
    }
    try {
      const outputs: Record<string, FeatureMap> = {}
      for (const [i, name] of this.outputs.entries()) {
        const result = results[i]
        if (result === undefined) continue
        // The backend may keep the array it read into: the caller gets one of its own.
        const data = (await result.data<'float32'>()).slice()
        outputs[name] = { dtype: 'float32', dims: result.shape, data }
      }
      return { outputs, computeMs: performance.now() - startMs, queueMs }
    } finally {
      tf.dispose(results)
    }
  }

  #feeds(inputs: FeatureMaps): Map<string, tf.Tensor> {
    const feeds = new Map<string, tf.Tensor>()
    for (const { name, shape } of this.program.inputs) {
      const map = inputs[name]
      if (map === undefined) {
        throw new EngineError('shape', `${this.label} needs the input '${name}'; given: ${Object.keys(inputs)}`)
      }
      const here = heldTensor(map)
      const isShape = map.dims.length === shape.length && map.dims.every((d, i) => d === shape[i])
      if (here !== undefined && isShape) {
        feeds.set(name, here)
        continue
      }
      const fits = map.dtype === 'float32' && isShape
      if (!fits || !(map.data instanceof Float32Array) || map.data.length !== elementCount(shape)) {
        const got = `${map.dtype} [${map.dims}], ${map.data.length} elements`
        throw new EngineError('shape', `${this.label}: input '${name}' must be float32 [${shape}], not ${got}`)
      }
      // WebGL takes no shared memory.
      const data = map.data.buffer instanceof ArrayBuffer ? map.data : map.data.slice()
      feeds.set(name, toStored(tf.tensor(data, [...shape], 'float32')))
    }
    return feeds
  }

  /** Without the queue: the caller holds it. */
  release(): void {
    if (this.#released) return
    this.#released = true
    this.keeper.forget()
    this.program.dispose()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#released) await this.queue.run(async () => this.release())
  }
}

/** TensorFlow.js throws plain Errors: out of memory is told apart, the rest is the model's fault. */
function judged<T>(label: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (cause instanceof EngineError) throw cause
    const text = errorText(cause)
    const reason = /out of memory|failed to (create|allocate)|requested texture size/i.test(text)
      ? 'memory'
      : 'malformed'
    throw new EngineError(reason, `${label} on TensorFlow.js: ${text}`, { cause })
  }
}
