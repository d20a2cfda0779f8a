import type { RequestView } from 'roomful'
import { expect, test } from 'vitest'
import type { Device } from '../rig/device.ts'
import { generatedPicture } from '../rig/pictures.ts'
import { Rig } from '../rig/room.ts'
import { isShort } from './short.ts'

/** ROOMFUL_SOAK_KILLS: another number, to have the hundred in parts. */
const KILLS = Number(process.env['ROOMFUL_SOAK_KILLS'] ?? (isShort ? 5 : 100))
/** A request that was answered before the kill is asked again; so often at most. */
const TRIES = 6
/** Slow enough that a kill falls into a request. */
const HELPER_CORES = 0.3
const MAX_ADDED_P95_MS = 500
const PICTURES = 8

const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))] ?? Number.NaN

const timeline = ({ trace }: RequestView): string =>
  trace.spans.map(({ kind, startMs, endMs }) => `${kind} ${Math.round(startMs)}-${Math.round(endMs)}`).join(' ')

/** Asks, kills the helper while the answer is awaited, and returns what came and how long after the kill. */
async function killWhileAsked(rig: Rig, asker: Device, helper: Device, index: number) {
  const picture = generatedPicture(index % PICTURES)
  let answeredAt: number | undefined
  const asked = asker.infer(picture, { cache: false, deadlineMs: 20_000 }).then((request) => {
    answeredAt = performance.now()
    return request
  })
  await new Promise((resolve) => setTimeout(resolve, 2 + (index % 5) * 3))
  const wasAnswered = answeredAt !== undefined
  const killedAt = performance.now()
  await rig.kill(helper)
  const request = await asked
  return {
    request,
    wasHit: !wasAnswered && request.trace.recovered !== undefined,
    afterMs: (answeredAt ?? 0) - killedAt,
  }
}

test(`${KILLS} helpers die in the middle of a request: every answer is right and comes soon`, async () => {
  const rig = await Rig.start()
  try {
    const [asker] = await rig.join({ name: 'Asker' })
    if (asker === undefined) throw new Error('no device')
    const { self, model } = await asker.snapshot()
    const last = model?.segments.at(-1)?.to ?? ''
    const labels: (string | undefined)[] = []
    const localMs: number[] = []
    await asker.planByHand([{ device: self.id, to: last }], { exits: false })
    for (let i = 0; i < PICTURES * 3; i++) {
      const startMs = performance.now()
      const { answer } = await asker.infer(generatedPicture(i % PICTURES), { cache: false })
      localMs.push(performance.now() - startMs)
      labels[i % PICTURES] = answer?.label
    }
    const alone = quantile(localMs, 0.5)
    const added: number[] = []
    let kills = 0
    let right = 0
    let asked = 0
    while (added.length < KILLS) {
      if (++kills > KILLS * TRIES) throw new Error(`only ${added.length} of ${kills} kills fell into a request`)
      const helper = await rig.open({ name: 'Helper', cpu: { cores: 1 } })
      await helper.ready(1)
      await asker.ready(1)
      const { id } = (await helper.snapshot()).self
      await asker.knows([id])
      await asker.planByHand(
        [
          { device: self.id, to: 'stem' },
          { device: id, to: last },
        ],
        { exits: false },
      )
      await asker.infer(generatedPicture(0), { cache: false })
      await helper.changeCpu(HELPER_CORES)
      const { request, wasHit, afterMs } = await killWhileAsked(rig, asker, helper, kills)
      asked++
      if (request.answer?.label === labels[kills % PICTURES]) right++
      if (wasHit) {
        added.push(Math.max(0, afterMs - alone))
        console.info(`${Math.round(afterMs)} ms after the kill: ${request.trace.recovered}; ${timeline(request)}`)
      }
      await asker.until('the helper is gone', ({ peers }) => peers.every(({ link }) => link !== 'connected'))
    }
    const figures = {
      kills: added.length,
      asked,
      right,
      aloneMs: alone,
      p50: quantile(added, 0.5),
      p95: quantile(added, 0.95),
    }
    console.info('kill soak', JSON.stringify(figures))
    expect(right).toBe(asked)
    expect(figures.p95).toBeLessThanOrEqual(MAX_ADDED_P95_MS)
  } finally {
    await rig.close()
  }
})
