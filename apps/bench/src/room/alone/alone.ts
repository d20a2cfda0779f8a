import { readFileSync } from 'node:fs'
import path from 'node:path'
import { analyse, extract, loadWeights, readModel, writeModel } from '@roomful/graph'
import { parseManifest } from '@roomful/model'
import type { PlannableModel } from '@roomful/planner'
import { Device } from '../../../../../e2e/rig/device.ts'
import { inTime } from '../../../../../e2e/rig/in-time.ts'
import type { RgbaPicture } from '../../../../../e2e/rig/pictures.ts'
import type { Settling } from '../../../../../e2e/rig/settling.ts'
import { type LoopOptions, type LoopSample, sendPictures } from '../closed-loop.ts'
import type { ScenarioDevice } from '../scenario.ts'
import type { AloneLibrary, AloneNet } from './library.ts'
import type { AlonePage } from './page/page.ts'
import { serveAlone } from './serve.ts'

declare global {
  var alonePage: AlonePage | undefined
}

const NET = 'net.onnx'
/** At full speed, so that what a browser compiles at leisure is compiled. */
const WARM_PICTURES = 12
const RESTED_PICTURES = 3
const WARM_WITHIN_MS = 10_000
/** Two copies of a larger network beside those of the room's devices are more than small machines hold. */
const MOST_BYTES = 300 << 20
const LOADED_WITHIN_MS = 60_000
/** A loop ends after its limit and one run, which takes seconds of a tenth of a core. */
const LAST_RUN_MS = 60_000
const PREPARING_CORES = 1

export interface AloneOptions {
  /** The package's folder. */
  readonly folder: string
  readonly model: PlannableModel
  /** Whose CPU share it gets. */
  readonly device: ScenarioDevice
  readonly pictures: readonly RgbaPicture[]
}

/**
 * What a person would do without a room: a page in a browser of its own, with the initiator's CPU share, a library and the whole
 * network. Nothing of the room is in it, and it does nothing between its turns.
 */
export class Alone implements AsyncDisposable {
  readonly #device: Device
  readonly #cores: number
  readonly #net: AloneNet
  readonly #served: AsyncDisposable

  private constructor(device: Device, cores: number, net: AloneNet, served: AsyncDisposable) {
    this.#device = device
    this.#cores = cores
    this.#net = net
    this.#served = served
  }

  /** Opens the page, which holds the pictures then; no library is loaded. */
  static async start({ folder, model, device, pictures }: AloneOptions): Promise<Alone> {
    const { bytes, dims, spec } = await wholeNet(folder, model)
    const served = await serveAlone(NET, bytes)
    try {
      const { name, browser, mobile, cores } = device
      const options = { name: `${name} alone`, mobile, cpu: { cores: PREPARING_CORES } }
      const opened = await Device.openPage(served.url, browser, options)
      const net = { url: new URL(NET, served.url).href, dims, spec, threads: 1 }
      const alone = new Alone(opened, cores, net, served)
      try {
        await opened.page.waitForFunction(() => globalThis.alonePage !== undefined, undefined, {
          timeout: LOADED_WITHIN_MS,
        })
        await sendPictures(opened, pictures)
        return alone
      } catch (error) {
        await opened.close()
        throw error
      }
    } catch (error) {
      await served[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Loads a library and the network, warms both up at full speed, and says on what it runs. */
  async open(library: AloneLibrary, threads: number): Promise<string> {
    const opening = this.#device.page.evaluate(([which, net]) => globalThis.alonePage?.open(which, net), [
      library,
      { ...this.#net, threads },
    ] as const)
    const what = await inTime(opening, LOADED_WITHIN_MS, `${library} was not loaded`)
    const pictures = Array.from({ length: WARM_PICTURES }, (_, index) => index)
    await this.loop(library, { pictures, forMs: 0, minCount: WARM_PICTURES, limitMs: WARM_WITHIN_MS })
    return what ?? library
  }

  /** Does something at full speed, and has the device's share afterwards. The result is whether the browser has become quiet. */
  async prepared(work: (device: Device) => Promise<unknown>, settling?: Settling): Promise<boolean> {
    await this.#device.changeCpu(PREPARING_CORES)
    try {
      await work(this.#device)
      return await this.#device.settled(settling)
    } finally {
      await this.#device.changeCpu(this.#cores)
    }
  }

  /** Some runs at full speed, as the room's plans have before each of their turns: the page has rested since its last one. */
  warm(library: AloneLibrary, settling: Settling): Promise<boolean> {
    const pictures = Array.from({ length: RESTED_PICTURES }, (_, index) => index)
    const runs = { pictures, forMs: 0, minCount: RESTED_PICTURES, limitMs: WARM_WITHIN_MS }
    return this.prepared(() => this.loop(library, runs), settling)
  }

  /** As `measureLoop` of the room: a request that does not count, then the loop. */
  async measureLoop(library: AloneLibrary, options: Omit<LoopOptions, 'cache' | 'deadlineMs'>) {
    await this.loop(library, { ...options, pictures: options.pictures.slice(0, 1) })
    return this.loop(library, options)
  }

  async loop(
    library: AloneLibrary,
    { pictures, forMs, minCount, limitMs }: Omit<LoopOptions, 'cache' | 'deadlineMs'>,
  ): Promise<readonly LoopSample[]> {
    const options = { pictures, forMs, minCount, limitMs, cache: false, deadlineMs: Number.MAX_SAFE_INTEGER }
    const looping = this.#device.page.evaluate(([which, how]) => globalThis.alonePage?.loop(which, how), [
      library,
      options,
    ] as const)
    return (await inTime(looping, limitMs + LAST_RUN_MS, `a loop of ${library} did not end`)) ?? []
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#device.close()
    await this.#served[Symbol.asyncDispose]()
  }
}

/** ONNX from the picture to the last output with its weights inside: no exits, nothing external. */
export async function wholeNet(folder: string, model: PlannableModel) {
  const read = (file: string) => new Uint8Array(readFileSync(path.join(folder, file)))
  const manifest = await parseManifest(read('model.json'))
  const [first, last] = [model.points[0], model.points.at(-1)]
  if (first === undefined || last === undefined) throw new Error(`${manifest.name} has no partition points`)
  if (manifest.files.weights.bytes > MOST_BYTES) {
    throw new Error(`its weights are ${Math.round(manifest.files.weights.bytes / 2 ** 20)} MiB`)
  }
  const part = extract(readModel(read(manifest.files.graph.path)), first.tensor, last.tensor)
  const weights = read(manifest.files.weights.path)
  const whole = loadWeights(part, ({ offset, length }) => weights.subarray(offset, offset + length))
  const dims = analyse(whole).tensors.get(first.tensor)?.shape ?? []
  return { bytes: writeModel(whole).model, dims, spec: manifest.input }
}
