import { errorText } from '@roomful/core'
import { untilAborted } from '@roomful/engine'
import { RoomfulError } from '../session.ts'
import type { SnapshotStore } from '../view/store.ts'

export interface ModelLoadsOptions<Model> {
  readonly store: SnapshotStore
  /** Aborts when the device leaves the room. */
  readonly ended: AbortSignal
  /** Makes an opened model the room's. On failure nothing has changed. */
  readonly use: (model: Model, signal: AbortSignal) => Promise<void>
}

/** Loads of models: the last one that is asked for wins over those under way, however long each takes to open. */
export class ModelLoads<Model> {
  readonly #o: ModelLoadsOptions<Model>
  #newest: AbortController | undefined

  constructor(options: ModelLoadsOptions<Model>) {
    this.#o = options
  }

  /** @throws what `open` and `use` throw; RoomfulError `superseded`; the reason of `ended`; `caller.reason` */
  async load(open: (signal: AbortSignal) => Promise<Model>, caller?: AbortSignal): Promise<void> {
    const { store, ended, use } = this.#o
    ended.throwIfAborted()
    caller?.throwIfAborted()
    this.#newest?.abort(new RoomfulError('superseded', 'another model was asked for meanwhile'))
    const own = new AbortController()
    this.#newest = own
    const signal = AbortSignal.any([ended, own.signal, ...(caller === undefined ? [] : [caller])])
    const state = (modelState: 'loading' | 'ready' | 'failed' | 'none') => {
      if (this.#newest === own) store.update({ modelState })
    }
    state('loading')
    try {
      const model = await untilAborted(open(signal), signal)
      await use(model, signal)
      state('ready')
    } catch (error) {
      // A refused model changes nothing: the room goes on with the one it had.
      state(store.snapshot.model !== undefined ? 'ready' : signal.aborted ? 'none' : 'failed')
      if (!signal.aborted) store.say('error', errorText(error))
      throw error
    } finally {
      if (this.#newest === own) this.#newest = undefined
    }
  }
}
