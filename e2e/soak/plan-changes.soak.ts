import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { DeviceId } from '@roomful/core'
import type { Page } from 'playwright'
import type { Held } from 'roomful'
import { expect, test } from 'vitest'
import type { Device } from '../rig/device.ts'
import { generatedPicture } from '../rig/pictures.ts'
import { INT8, type ModelShape, planOf, readModelShape, type Seat } from '../rig/plan-shapes.ts'
import { REPOSITORY, Rig } from '../rig/room.ts'
import { isShort } from './short.ts'

const CHANGES = isShort ? 60 : 1000
/** Caches fill, code is compiled: what grows until here is no leak. */
const WARM = isShort ? 20 : 100
const ASK_EVERY = 7
/** Of the page's heap, and of the whole renderer (WebAssembly memory and Workers included), from warm to the end. */
const MAX_GROWTH = { heapMb: 20, renderersMb: 150 }
/** The plan in use, and the one by which this device completes its requests alone. */
const MAX_PLANS = 2
/** What two plans have built, and what stays warm for the next one. */
const MAX_SESSIONS = 40
/** Old plans are given up a moment after the switch. */
const SETTLE_MS = 3_000

interface Memory {
  readonly heapMb: number
  readonly renderersMb: number
  readonly workers: number
  readonly held: Held
}

async function memoryOf({ page }: Device): Promise<Memory> {
  const session = await page.context().newCDPSession(page)
  await session.send('HeapProfiler.enable')
  await session.send('HeapProfiler.collectGarbage')
  const { usedSize } = await session.send('Runtime.getHeapUsage')
  await session.detach()
  const browser = page.context().browser()
  if (browser === null) throw new Error('no browser')
  const whole = await browser.newBrowserCDPSession()
  const { processInfo } = await whole.send('SystemInfo.getProcessInfo')
  await whole.detach()
  const renderersMb = processInfo
    .filter(({ type }) => type === 'renderer')
    .reduce((sum, { id }) => sum + residentMb(id), 0)
  return { heapMb: usedSize / 2 ** 20, renderersMb, workers: page.workers().length, held: await heldBy(page) }
}

/**
 * Every other plan is a row split at a place of its own, so that most of what it needs is built anew and something older
 * is given up; the rest are cuts that come again and find their halves warm.
 */
async function changePlan(asker: Device, model: ModelShape, ids: readonly DeviceId[], change: number): Promise<void> {
  const seats = (change % 4 < 2 ? ids : ids.toReversed()).map((device): Seat => ({ device, backend: 'ort-wasm' }))
  const [first, second] = seats
  const cut = model.points[change % (model.points.length - 1)]
  if (first === undefined || second === undefined || cut === undefined) throw new Error('nothing to plan for')
  const { rows = 1 } = cut
  const above = 1 + (change % (rows - 1))
  const isSplit = change % 2 === 1 && rows > 1
  const head = isSplit ? { seats, weights: [above, rows - above] } : { seats: [first] }
  const stages = [
    { to: cut.tensor, ...head },
    { to: model.output, seats: [second] },
  ]
  await asker.installPlan(planOf(model, stages, { wire: INT8, predictedMs: 200 }))
}

const heldBy = (page: Page): Promise<Held> =>
  page.evaluate(() => globalThis.roomful?.session.held ?? Promise.reject(new Error('the page holds no session')))

function residentMb(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

test(`${CHANGES} plan changes leave memory as it was`, async () => {
  const rig = await Rig.start()
  try {
    const devices = await rig.join({ name: 'Asker' }, { name: 'Helper' })
    const [asker, helper] = devices
    if (asker === undefined || helper === undefined) throw new Error('no devices')
    const ids = await Promise.all(devices.map(async (device) => (await device.snapshot()).self.id))
    const model = readModelShape(path.join(REPOSITORY, 'public/models/imagenette'))
    const look = async () => Promise.all(devices.map(memoryOf))
    let warm: Memory[] = []
    let mostSessions = 0
    for (let change = 0; change < CHANGES; change++) {
      if (change === WARM) warm = await look()
      await changePlan(asker, model, ids, change)
      if (change % ASK_EVERY > 0 && change % 100 > 0) continue
      const { answer } = await asker.infer(generatedPicture(change % 7), { cache: false })
      expect(answer).toBeDefined()
      for (const { page } of devices) mostSessions = Math.max(mostSessions, (await heldBy(page)).sessions)
      if (change % 100 === 0) console.info(`${change} changes`, JSON.stringify(await look()))
    }
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
    const end = await look()
    console.info('plan changes', JSON.stringify({ changes: CHANGES, mostSessions, warm, end }))
    expect(mostSessions).toBeLessThanOrEqual(MAX_SESSIONS)
    for (const [index, { heapMb, renderersMb, workers, held }] of end.entries()) {
      expect(held).toMatchObject({ requests: 0, bufferedBytes: 0 })
      expect(held.plans).toBeLessThanOrEqual(MAX_PLANS)
      expect(heapMb - (warm[index]?.heapMb ?? 0)).toBeLessThan(MAX_GROWTH.heapMb)
      expect(renderersMb - (warm[index]?.renderersMb ?? 0)).toBeLessThan(MAX_GROWTH.renderersMb)
      expect(workers).toBe(warm[index]?.workers)
    }
  } finally {
    await rig.close()
  }
})
