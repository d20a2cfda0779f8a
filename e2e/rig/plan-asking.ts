import type { Plan, Trace } from '@roomful/core'
import type { RequestView, RoomSnapshot } from 'roomful'
import type { Device } from './device.ts'
import { generatedPicture, packPictures, type RgbaPicture, SHARED_DATA } from './pictures.ts'

/** One answer of a plan itself, with its story. */
export interface PlanAnswer {
  readonly index: number
  readonly confidence: number
  readonly trace: Trace
}

/** Generous: seven browsers may share two cores. */
const DEADLINE_MS = 60_000
const ATTEMPTS = 6
/** A room that has lost a link is waited for, so often. */
const ROOMS = 2

/** Real pictures where the shared data are at hand, generated ones elsewhere. */
export function somePictures(count: number): RgbaPicture[] {
  if (SHARED_DATA !== undefined) {
    return packPictures(`${SHARED_DATA}/imagenette160/val.jpegpack`, count).map(({ picture }) => picture)
  }
  console.log('the shared pictures are absent: generated ones are used')
  return Array.from({ length: count }, (_, seed) => generatedPicture(seed))
}

/**
 * Installs the plan and asks for its own answers. A late or lost device may have a request completed by another one,
 * rightly: then it is asked again, when all of the room is linked again and holds the plan.
 */
export async function answersOf(asker: Device, plan: Plan, pictures: readonly RgbaPicture[]): Promise<PlanAnswer[]> {
  await asker.installPlan(plan)
  const answers: PlanAnswer[] = []
  for (const picture of pictures) answers.push(await answerOf(asker, plan, picture))
  return answers
}

async function answerOf(asker: Device, plan: Plan, picture: RgbaPicture): Promise<PlanAnswer> {
  const peers = connected(await asker.snapshot())
  let rooms = 1
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { answer, trace } = await asker.infer(picture, { cache: false, deadlineMs: DEADLINE_MS })
    if (answer === undefined) throw new Error('no label was claimed')
    if (trace.recovered === undefined) return { index: answer.index, confidence: answer.confidence, trace }
    console.log(`asked again: ${trace.recovered}`)
    if (connected(await asker.snapshot()) >= peers || rooms >= ROOMS) continue
    await asker.until('every link is back', (room) => connected(room) >= peers)
    await asker.installPlan(plan)
    rooms++
    attempt = -1
  }
  throw new Error(`${ATTEMPTS} answers in a row came from a second completion`)
}

const connected = ({ peers }: RoomSnapshot): number => peers.filter(({ link }) => link === 'connected').length

export interface StreamedAnswers {
  /** In the order in which they came. */
  readonly answers: readonly RequestView[]
  /** Frames that the stream has taken. */
  readonly offered: number
}

/**
 * Streams pictures through the installed plan. `paced`: a frame is offered when the window has room for it, so that none
 * is dropped; else all of them at once.
 */
export function streamed(
  asker: Device,
  pictures: readonly RgbaPicture[],
  options: { readonly window: number; readonly paced: boolean },
): Promise<StreamedAnswers> {
  const plain = pictures.map(({ width, height, rgba }) => ({
    width,
    height,
    base64: Buffer.from(rgba).toString('base64'),
  }))
  return asker.page.evaluate(
    async ({ plain, window, paced, deadlineMs }) => {
      const session = globalThis.roomful?.session
      if (session === undefined) throw new Error('the page holds no session')
      const answers: RequestView[] = []
      let offered = 0
      async function* frames() {
        for (const { width, height, base64 } of plain) {
          while (paced && offered - answers.length >= window) await new Promise((resolve) => setTimeout(resolve, 2))
          const data = Uint8ClampedArray.from(atob(base64), (character) => character.charCodeAt(0))
          offered++
          yield { width, height, data }
        }
      }
      for await (const answer of session.inferStream(frames(), { window, deadlineMs })) answers.push(answer)
      return { answers, offered }
    },
    { plain, window: options.window, paced: options.paced, deadlineMs: DEADLINE_MS },
  )
}
