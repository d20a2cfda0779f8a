import path from 'node:path'
import type { RequestView } from 'roomful'
import type { Device } from '../rig/device.ts'
import { expect, test } from '../rig/fixture.ts'
import { generatedPicture, packPictures, type RgbaPicture, SHARED_DATA } from '../rig/pictures.ts'

const CUTS = ['stem', 'stage1_block2', 'stage2_block2'] as const
const PICTURES = 20

/** Twenty real pictures where the shared data are at hand, generated ones elsewhere. */
function pictures(): RgbaPicture[] {
  if (SHARED_DATA !== undefined) {
    return packPictures(path.join(SHARED_DATA, 'imagenette160/val.jpegpack'), PICTURES).map((entry) => entry.picture)
  }
  console.log('the shared pictures are absent: generated ones are used')
  return Array.from({ length: PICTURES }, (_, seed) => generatedPicture(seed))
}

interface Answer {
  readonly index: number
  readonly confidence: number
}

/**
 * An answer of the plan itself. On a busy machine a late one is completed by another device, rightly: then it is asked again.
 */
async function inTime(asker: Device, picture: RgbaPicture): Promise<RequestView> {
  for (let attempt = 0; attempt < 6; attempt++) {
    const request = await asker.infer(picture, { cache: false })
    if (request.trace.recovered === undefined) return request
    console.log(`asked again: ${request.trace.recovered}`)
  }
  throw new Error('six answers in a row were late')
}

/** The answers of a plan drawn by hand: up to `cut` here, then on `helper`; alone without a cut. */
async function answers(asker: Device, bits: 32 | 8, cut?: string, helper?: Device): Promise<Answer[]> {
  const { self, model } = await asker.snapshot()
  const last = model?.segments.at(-1)?.to
  if (last === undefined) throw new Error('no model')
  const rest = helper === undefined ? self.id : (await helper.snapshot()).self.id
  await asker.planByHand(
    cut === undefined
      ? [{ device: self.id, to: last }]
      : [
          { device: self.id, to: cut, bits },
          { device: rest, to: last },
        ],
    { exits: false },
  )
  const out: Answer[] = []
  for (const picture of pictures()) {
    const { answer, trace } = await inTime(asker, picture)
    expect(trace.exit).toBe('final')
    if (cut !== undefined) expect(trace.spans.some((s) => s.kind === 'compute' && s.device === rest)).toBe(true)
    if (answer === undefined) throw new Error('no answer')
    out.push({ index: answer.index, confidence: answer.confidence })
  }
  return out
}

for (const other of ['chromium', 'firefox'] as const) {
  test(`Chromium and ${other} split the network at three cuts and answer as one device does`, async ({ rig }) => {
    const [asker, helper] = await rig.join({ name: 'Asker' }, { name: 'Helper', browser: other })
    if (asker === undefined || helper === undefined) throw new Error('no devices')
    const alone = await answers(asker, 32)
    for (const cut of CUTS) {
      const exact = await answers(asker, 32, cut, helper)
      expect(exact.map((answer) => answer.index)).toEqual(alone.map((answer) => answer.index))
      for (const [index, { confidence }] of exact.entries()) {
        expect(Math.abs(confidence - (alone[index]?.confidence ?? 0))).toBeLessThan(1e-4)
      }
      const coarse = await answers(asker, 8, cut, helper)
      const same = coarse.filter((answer, index) => answer.index === alone[index]?.index).length
      expect(same).toBeGreaterThanOrEqual(PICTURES - 1)
    }
    expect(asker.errors).toEqual([])
    expect(helper.errors).toEqual([])
  })
}
