import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Device } from '../rig/device.ts'
import { generatedPicture } from '../rig/pictures.ts'
import { Rig } from '../rig/room.ts'
import { isShort } from './short.ts'

const CHANGES = isShort ? 60 : 1000
/** Caches fill, code is compiled: what grows until here is no leak. */
const WARM = isShort ? 20 : 100
const ASK_EVERY = 10
/** Of the page's heap, and of the whole renderer (WebAssembly memory and Workers included), from warm to the end. */
const MAX_GROWTH = { heapMb: 20, renderersMb: 150 }

interface Memory {
  readonly heapMb: number
  readonly renderersMb: number
  readonly workers: number
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
  return { heapMb: usedSize / 2 ** 20, renderersMb, workers: page.workers().length }
}

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
    const { self, model } = await asker.snapshot()
    const other = (await helper.snapshot()).self.id
    const cuts = (model?.segments ?? []).map(({ to }) => to)
    const last = cuts.at(-1) ?? ''
    const look = async () => Promise.all(devices.map(memoryOf))
    let warm: Memory[] = []
    for (let change = 0; change < CHANGES; change++) {
      if (change === WARM) warm = await look()
      const cut = cuts[change % (cuts.length - 1)] ?? ''
      const [first, second] = change % 2 === 0 ? [self.id, other] : [other, self.id]
      await asker.planByHand([
        { device: first, to: cut },
        { device: second, to: last },
      ])
      if (change % ASK_EVERY > 0) continue
      const { answer } = await asker.infer(generatedPicture(change % 7), { cache: false })
      expect(answer).toBeDefined()
    }
    const end = await look()
    console.info('plan changes', JSON.stringify({ changes: CHANGES, warm, end }))
    for (const [index, { heapMb, renderersMb, workers }] of end.entries()) {
      expect(heapMb - (warm[index]?.heapMb ?? 0)).toBeLessThan(MAX_GROWTH.heapMb)
      expect(renderersMb - (warm[index]?.renderersMb ?? 0)).toBeLessThan(MAX_GROWTH.renderersMb)
      expect(workers).toBe(warm[index]?.workers)
    }
  } finally {
    await rig.close()
  }
})
