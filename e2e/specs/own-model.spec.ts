import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { NetBuilder } from '@roomful/graph/testing'
import { expect, test } from '../rig/fixture.ts'
import { generatedPicture } from '../rig/pictures.ts'
import { REPOSITORY } from '../rig/room.ts'

/** A public classifier where the shared models are at hand, else a small net made here. */
function onnxFile(): { name: string; bytes: Uint8Array } {
  const shared = path.resolve(REPOSITORY, '../shared/models/mobilenetv2_fp32_deq.onnx')
  if (existsSync(shared)) return { name: 'mobilenetv2.onnx', bytes: readFileSync(shared) }
  console.log('the shared models are absent: a generated net is dropped')
  const net = new NetBuilder({ seed: 5 })
  let x = net.input('input', [1, 3, 64, 64])
  x = net.relu(net.conv(x, { out: 16, kernel: 3, stride: 2, pads: 1 }))
  x = net.relu(net.conv(x, { out: 32, kernel: 3, stride: 2, pads: 1 }))
  x = net.relu(net.conv(x, { out: 32, kernel: 3, pads: 1 }))
  net.output(net.gemm(net.reshape(net.globalAveragePool(x), [1, 32]), 10))
  return { name: 'generated.onnx', bytes: net.bytes() }
}

test("a dropped ONNX file becomes the room's model: split, and its weights reach the helper over the link", async ({
  rig,
}) => {
  const [asker, helper] = await rig.join({ name: 'Asker' }, { name: 'Helper' })
  if (asker === undefined || helper === undefined) throw new Error('no devices')
  const { name, bytes } = onnxFile()
  await asker.page.getByTestId('file').setInputFiles({
    name,
    mimeType: 'application/octet-stream',
    buffer: Buffer.from(bytes),
  })
  const { self, model } = await asker.until(
    'the dropped model',
    (snapshot) => snapshot.model?.name === name.replace('.onnx', '') && snapshot.modelState === 'ready',
  )
  const segments = model?.segments ?? []
  const last = segments.at(-1)?.to ?? ''
  const middle = segments[Math.floor(segments.length / 2)]?.to ?? ''
  expect(model?.exits).toEqual([])
  const picture = generatedPicture(6)
  await asker.planByHand([{ device: self.id, to: last }])
  const alone = await asker.infer(picture, { cache: false })

  const helperId = (await helper.snapshot()).self.id
  const requested: string[] = []
  helper.page.on('request', (request) => requested.push(request.url()))
  await asker.planByHand([
    { device: self.id, to: middle, bits: 32 },
    { device: helperId, to: last },
  ])
  const together = await asker.infer(picture, { cache: false, deadlineMs: 60_000 })
  expect(together.trace.recovered).toBeUndefined()
  expect(together.trace.spans.some((span) => span.kind === 'compute' && span.device === helperId)).toBe(true)
  expect(together.answer?.index).toBe(alone.answer?.index)
  expect(Math.abs((together.answer?.confidence ?? 0) - (alone.answer?.confidence ?? 1))).toBeLessThan(1e-4)
  // The server never saw the model: the weights came from the peer.
  expect(requested.filter((url) => url.includes('weights') || url.includes('.onnx'))).toEqual([])
})
