import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { NetBuilder } from '@roomful/graph/testing'
import { prepareModel } from '@roomful/model'
import { expect, test } from 'vitest'
import { pageWithOwnModels } from '../rig/bottleneck-package.ts'
import { somePictures } from '../rig/plan-asking.ts'
import { PICTURE_EVERY_MS, practiceProblems, practiceWords } from '../rig/practice-checks.ts'
import { DIST, Rig } from '../rig/room.ts'
import { isShort } from './short.ts'

/** Longer than the five stretches that one plan in one room is worth; an adopted plan goes on with the same five. */
const PRACTICE_MS = isShort ? 120_000 : 420_000
const POLL_MS = 2_000
const SIDE = 112
const CHANNELS = 32
const LAYERS = 8

/** Wide convolutions and little else, about 0.9 GMAC and without exits: rows on several devices pay. */
async function writeWideNet(folder: string): Promise<void> {
  const net = new NetBuilder({ seed: 5 })
  let map = net.input('x', [1, 3, SIDE, SIDE])
  for (let layer = 0; layer < LAYERS; layer++) map = net.relu(net.conv(map, { out: CHANNELS, kernel: 3, pads: 1 }))
  net.output(net.gemm(net.reshape(net.globalAveragePool(map), [1, CHANNELS]), 10))
  const prepared = await prepareModel(net.graph(), { name: 'wide' })
  await mkdir(folder, { recursive: true })
  await writeFile(path.join(folder, 'graph.onnx'), prepared.graphBytes)
  await writeFile(path.join(folder, 'weights.bin'), prepared.weightsBytes)
  await writeFile(path.join(folder, 'model.json'), JSON.stringify(prepared.manifest))
}

for (const model of ['models/wide/', 'models/imagenette/']) {
  test(`practice in a room of four unequal devices with ${model}`, async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'roomful-practice-'))
    let rig: Rig | undefined
    try {
      await pageWithOwnModels(DIST, folder)
      await writeWideNet(path.join(folder, 'models/wide'))
      rig = await Rig.start({ dist: folder })
      const [asker] = await rig.join(
        { name: 'Asker', cpu: { cores: 0.4 }, model },
        { name: 'Laptop', cpu: { cores: 0.6 }, model },
        { name: 'Tablet', cpu: { cores: 0.4 }, model },
        { name: 'Phone', cpu: { cores: 0.3 }, model },
      )
      if (asker === undefined) throw new Error('nobody is in the room')
      for (const picture of somePictures(3)) {
        await asker.infer(picture, { cache: false, deadlineMs: 60_000 })
        await new Promise((resolve) => setTimeout(resolve, PICTURE_EVERY_MS))
      }
      const { plan: first } = await asker.snapshot()
      const endsAt = Date.now() + PRACTICE_MS
      while (Date.now() < endsAt) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      const snapshot = await asker.snapshot()
      const { practice, plan } = snapshot
      if (practice === undefined) throw new Error('nothing was practised')
      console.log(
        `${model}: first plan: ${first?.words[0]}\n${practiceWords(practice)}\nin the end: ${plan?.words.join('; ')}`,
      )
      expect(practiceProblems(snapshot)).toEqual([])
      expect(practice.trials.some(({ by }) => by === 'learning')).toBe(true)
      for (const device of rig.devices) expect(device.errors, device.name).toEqual([])
    } finally {
      await rig?.close()
      await rm(folder, { recursive: true, force: true })
    }
  })
}
