import { signal } from '@preact/signals'
import type { InferOptions, Picture, RoomSession } from 'roomful'
import { errorText } from 'roomful'
import { openCamera } from './camera.ts'
import { decodePicture, pixelsOf } from './decode.ts'
import { drawTestPattern } from './test-pattern.ts'

/** `stopped`: the last frame of a stream stays on the stage. */
export type SourceMode = 'nothing' | 'picture' | 'camera' | 'pattern' | 'stopped'

const PATTERN_SIDE = 320
const MAX_MODEL_BYTES = 600_000_000

/**
 * Where pictures come from, one at a time: a file (picked, dropped or pasted), the camera, or the moving test pattern.
 * Draws what it sends into the stage canvas, asks the session, and reports trouble as a sentence.
 */
export class Source {
  readonly mode = signal<SourceMode>('nothing')
  readonly busy = signal(false)
  readonly error = signal('')
  /** The canvas in the page; frames are drawn there before they are sent. */
  canvas: HTMLCanvasElement | null = null

  readonly #session: RoomSession
  #running: AbortController | undefined
  #last: Picture | undefined

  constructor(session: RoomSession) {
    this.#session = session
  }

  /** A file that was picked, dropped or pasted: a picture to classify, or an ONNX model for the room. */
  async open(file: File): Promise<void> {
    if (/\.onnx$/i.test(file.name)) return this.#openModel(file)
    await this.#attempt('picture', async (abort) => {
      const picture = await decodePicture(file)
      this.#last = picture
      this.#draw(picture)
      await this.#session.infer(picture, { signal: abort })
    })
  }

  /** Sends the picture on the stage once more (a room that has seen it answers from its cache). */
  async again(): Promise<void> {
    const picture = this.#last
    if (picture === undefined) return
    await this.#attempt('picture', async (abort) => {
      await this.#session.infer(picture, { signal: abort })
    })
  }

  async startCamera(): Promise<void> {
    await this.#attempt('camera', async (abort) => {
      const camera = await openCamera(abort)
      try {
        const { video } = camera
        const frame = () => {
          if (!camera.live()) throw new Error('The camera has stopped. Choose a file or try the test pattern.')
          return pixelsOf(video, video.videoWidth, video.videoHeight)
        }
        await this.#stream(frame, abort, {})
      } finally {
        camera.stop()
      }
    })
  }

  async startPattern(): Promise<void> {
    await this.#attempt('pattern', async (abort) => {
      const board = document.createElement('canvas')
      board.width = PATTERN_SIDE
      board.height = PATTERN_SIDE
      const context = board.getContext('2d', { willReadFrequently: true })
      if (context === null) throw new Error('This browser gives no 2-D canvas.')
      const frame = () => {
        drawTestPattern(context, performance.now())
        return context.getImageData(0, 0, PATTERN_SIDE, PATTERN_SIDE)
      }
      await this.#stream(frame, abort, { claimLabel: false })
    })
  }

  stop(): void {
    this.#running?.abort()
    this.#running = undefined
    this.busy.value = false
    this.mode.value = 'stopped'
  }

  async #openModel(file: File): Promise<void> {
    await this.#attempt('nothing', async (abort) => {
      if (file.size > MAX_MODEL_BYTES) throw new Error('Models up to 600 MB can be dropped here.')
      await this.#session.loadModel(file, { signal: abort, name: file.name.replace(/\.onnx$/i, '') })
    })
  }

  async #stream(frame: () => Picture, abort: AbortSignal, options: InferOptions): Promise<void> {
    const draw = this.#draw.bind(this)
    async function* frames(): AsyncGenerator<Picture> {
      while (!abort.aborted) {
        const picture = frame()
        draw(picture)
        yield picture
        await nextFrame()
      }
    }
    for await (const _ of this.#session.inferStream(frames(), { ...options, signal: abort })) {
      if (abort.aborted) return
    }
  }

  #draw(picture: Picture): void {
    const canvas = this.canvas
    if (canvas === null) return
    if (canvas.width !== picture.width || canvas.height !== picture.height) {
      canvas.width = picture.width
      canvas.height = picture.height
    }
    const image = picture instanceof ImageData ? picture : new ImageData(picture.data, picture.width, picture.height)
    canvas.getContext('2d')?.putImageData(image, 0, 0)
  }

  /** Runs one source at a time; a new one ends the old one, and trouble ends in one sentence. */
  async #attempt(mode: SourceMode, work: (abort: AbortSignal) => Promise<void>): Promise<void> {
    this.#running?.abort()
    const controller = new AbortController()
    this.#running = controller
    this.error.value = ''
    this.mode.value = mode
    this.busy.value = true
    try {
      await work(controller.signal)
    } catch (error) {
      if (!controller.signal.aborted) {
        this.error.value = errorText(error)
        if (mode !== 'picture') this.mode.value = 'nothing'
      }
    } finally {
      if (this.#running === controller) {
        this.#running = undefined
        this.busy.value = false
      }
    }
  }
}

function nextFrame(): Promise<void> {
  return new Promise((resolve) => {
    requestAnimationFrame(() => resolve())
  })
}
