import { type InputSpec, preprocess } from '@roomful/tensor'
import type { LoopOptions, LoopSample } from '../../closed-loop.ts'
import type { AloneLibrary, AloneNet, BareSession } from '../library.ts'
import { openOrt } from './ort.ts'
import { openTfjs } from './tfjs.ts'

/** What the bench calls in the page: one library and a network, nothing of Roomful but its preprocessing of pictures. */
const alonePage = {
  /** Loads the network and says on what it runs. */
  async open(library: AloneLibrary, { url, dims, spec, threads }: AloneNet): Promise<string> {
    const response = await fetch(url)
    if (!response.ok) throw new Error(`${url}: ${response.status}`)
    const model = new Uint8Array(await response.arrayBuffer())
    const session = await (library === 'ort' ? openOrt(model, dims, threads) : openTfjs(model, dims))
    opened.set(library, { session, spec })
    return session.what
  },

  /** Classifies one picture after the other, as the loops of the room do. */
  async loop(library: AloneLibrary, { pictures, forMs, minCount, limitMs }: LoopOptions): Promise<LoopSample[]> {
    const held = globalThis.benchPictures
    const { session, spec } = opened.get(library) ?? {}
    if (session === undefined || spec === undefined || held === undefined) throw new Error(`${library} is not open`)
    const samples: LoopSample[] = []
    const beginMs = performance.now()
    for (let i = 0; i < pictures.length; i++) {
      const elapsedMs = performance.now() - beginMs
      if (elapsedMs > limitMs || (elapsedMs > forMs && i >= minCount)) break
      const picture = pictures[i] ?? 0
      const shown = held[picture]
      if (shown === undefined) throw new Error(`the page holds no picture ${picture}`)
      const startMs = performance.now()
      const scores = await session.run(preprocess(shown, spec))
      const label = argmax(scores)
      samples.push({ picture, ms: performance.now() - startMs, bytes: 0, label, exit: 'final', source: 'computed' })
    }
    return samples
  },
}

export type AlonePage = typeof alonePage

const opened = new Map<AloneLibrary, { readonly session: BareSession; readonly spec: InputSpec }>()

function argmax(values: Float32Array): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i
  return best
}

Object.assign(globalThis, { alonePage })
