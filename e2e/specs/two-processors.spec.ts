import path from 'node:path'
import type { Backend, Plan } from '@roomful/core'
import { expect, test } from '../rig/fixture.ts'
import { generatedPicture } from '../rig/pictures.ts'
import { answersOf } from '../rig/plan-asking.ts'
import { planOf, readModelShape } from '../rig/plan-shapes.ts'
import { REPOSITORY } from '../rig/room.ts'

/** Two kinds of kernels, each exact in its own way. */
const TOLERANCE = 1e-3

test('the exit on the WASM worker races the trunk on the WebGPU worker of the same device', async ({ rig }) => {
  const asker = await rig.open({ name: 'Laptop', webgpu: true, model: 'models/handsigns/' })
  await asker.ready(0)
  // The adapter in software is too slow to be measured for planning; a plan may name it all the same.
  const { self } = await asker.snapshot()
  const model = readModelShape(path.join(REPOSITORY, 'public/models/handsigns'))
  const on = (backend: Backend) => [{ device: self.id, backend }]
  const plan = (trunk: Backend, exits: Plan['exits'] = []) =>
    planOf(
      model,
      [
        { to: 'stage1_block1', seats: on(trunk) },
        { to: model.output, seats: on(trunk) },
      ],
      { exits },
    )
  const exit = (threshold: number, mode: 'race' | 'wait') => [
    { exit: 'exit1', device: self.id, backend: 'ort-wasm' as const, threshold, mode },
  ]
  const pictures = [1, 2, 3].map((seed) => generatedPicture(seed))
  const answers = (wanted: Plan) => answersOf(asker, wanted, pictures)
  const final = await answers(plan('ort-wasm'))
  const atExit = await answers(plan('ort-wasm', exit(0, 'wait')))
  for (const [threshold, mode, expected] of [
    [1, 'race', final],
    [0, 'wait', atExit],
    [0, 'race', atExit],
    [1, 'wait', final],
  ] as const) {
    for (const [picture, answer] of (await answers(plan('ort-webgpu', exit(threshold, mode)))).entries()) {
      const { trace } = answer
      expect(trace.exit, `${mode} ${threshold}`).toBe(threshold === 0 ? 'exit1' : 'final')
      expect(answer.index).toBe(expected[picture]?.index)
      expect(Math.abs(answer.confidence - (expected[picture]?.confidence ?? Number.NaN))).toBeLessThan(TOLERANCE)
      if (mode === 'race' && threshold === 1) {
        // Both were at work at the same time.
        const spanOf = (kind: string) => trace.spans.findLast((span) => span.kind === kind)
        const [trunk, race] = [spanOf('compute'), spanOf('exit')]
        expect(race?.startMs ?? Number.NaN).toBeLessThan(trunk?.endMs ?? Number.NaN)
      }
    }
  }
  expect(asker.errors).toEqual([])
})
