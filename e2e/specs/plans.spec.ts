import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { ExitPlacement, Plan, Trace } from '@roomful/core'
import { expect, test } from 'playwright/test'
import { type BottleneckPackage, pageWithOwnModels, writeBottleneckPackage } from '../rig/bottleneck-package.ts'
import type { Device, DeviceOptions } from '../rig/device.ts'
import type { RgbaPicture } from '../rig/pictures.ts'
import { answersOf, type PlanAnswer, somePictures, streamed } from '../rig/plan-asking.ts'
import { chainOf, INT8, planOf, readModelShape, type Seat } from '../rig/plan-shapes.ts'
import { REPOSITORY, Rig } from '../rig/room.ts'

/** Pictures that every plan answers on the 8-bit wire; plans on the exact wire answer the first few. */
const MANY = 20
const FEW = 4
const TOLERANCE = 1e-4

const model = readModelShape(path.join(REPOSITORY, 'public/models/imagenette'))
const [EXIT1_AT, EXIT2_AT] = ['stage1_block1', 'stage1_block2'] as const

/** One room for all plans: it grows by one browser at a time, so that each of them starts once. */
test.describe
  .serial('every kind of plan answers as one device does', () => {
    let folder: string
    let rig: Rig
    let bottleneck: BottleneckPackage
    let pictures: RgbaPicture[]
    let alone: PlanAnswer[]
    const seats: Seat[] = []

    test.beforeAll(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'roomful-plans-'))
      await pageWithOwnModels(path.join(REPOSITORY, 'dist'), folder)
      bottleneck = await writeBottleneckPackage(path.join(folder, 'models/bottleneck'))
      rig = await Rig.start({ dist: folder })
      pictures = somePictures(MANY)
    })

    test.afterAll(async () => {
      await rig?.close()
      await rm(folder, { recursive: true, force: true })
    })

    test.afterEach(() => {
      for (const device of rig.devices) expect(device.errors, device.name).toEqual([])
    })

    test('1 Chromium: rows, chains and exits on one device', async () => {
      await grow({ name: 'C1' })
      alone = await answersTo(planOf(model, [{ to: model.output, seats: on(0) }]), pictures)
      await expectExact(chainOf(model, on(0, 0, 0)))
      await expectExact(
        planOf(model, [
          { to: 'stem', seats: on(0, 0, 0), weights: [3, 1, 2] },
          { to: EXIT1_AT, seats: on(0, 0), weights: [1, 2] },
          { to: model.output, seats: on(0) },
        ]),
      )
      const exit = exitPlan([0, 0], 0, { exit: 'exit1', threshold: 0, mode: 'wait' })
      for (const { trace } of await answersTo(exit, few())) expect(trace.exit).toBe('exit1')
    })

    test('1 Chromium and Firefox: chain, rows, wire formats, offload', async () => {
      await grow({ name: 'F', browser: 'firefox' })
      await expectExact(chainOf(model, on(0, 1)), { uses: [1] })
      await expectExact(chainOf(model, on(1, 0)), { uses: [1] })
      await expectExact(
        planOf(model, [
          { to: 'stem', seats: on(0, 1), weights: [2, 1] },
          { to: EXIT2_AT, seats: on(0, 1), weights: [1, 3] },
          { to: model.output, seats: on(1) },
        ]),
        { uses: [1] },
      )
      await expectSameLabels(chainOf(model, on(0, 1), { wire: INT8 }))
      await expectSameLabels(chainOf(model, on(0, 1), { wire: { bits: 16, entropy: 'deflate' } }))
      const offload = (input: Plan['input']) => planOf(model, [{ to: model.output, seats: on(1) }], { input })
      await expectExact(offload({ kind: 'tensor' }), { uses: [1] })
      const jpeg = await expectSameLabels(offload({ kind: 'jpeg', quality: 0.92 }))
      // The picture travels in a tenth of the tensor's bytes.
      for (const { trace } of jpeg) expect(bytesOf(trace)).toBeLessThan((3 * 160 * 160 * 4) / 10)
    })

    test('2 Chromium and Firefox: rows by three shards, mixed, exits that race and wait', async () => {
      await grow({ name: 'C2' })
      await expectExact(
        planOf(model, [
          { to: 'stem', seats: on(0, 1, 2), weights: [3, 1, 2] },
          { to: EXIT2_AT, seats: on(2, 0, 1), weights: [1, 2, 2] },
          { to: 'stage2_block2', seats: on(1, 2, 0), weights: [2, 1, 1] },
          { to: model.output, seats: on(0) },
        ]),
        { uses: [1, 2] },
      )
      // MoDNN's way: everything through the initiator.
      await expectExact(
        planOf(
          model,
          [
            { to: 'stem', seats: on(0, 1, 2) },
            { to: EXIT1_AT, seats: on(1, 2) },
            { to: model.output, seats: on(2) },
          ],
          { route: 'leader' },
        ),
        { uses: [1, 2] },
      )
      // The helpers begin at the picture itself, with rows, and the chain goes on from there.
      const mixed = [
        { to: 'stem', seats: on(1, 2), weights: [2, 3] },
        { to: EXIT1_AT, seats: on(2) },
        { to: model.output, seats: on(1) },
      ]
      await expectExact(planOf(model, mixed), { uses: [1, 2] })
      await expectSameLabels(planOf(model, mixed, { wire: INT8, input: { kind: 'jpeg', quality: 0.92 } }))
      await expectExits([0, 1], 2)
    })

    test('2 Chromium and Firefox: a learned bottleneck', async () => {
      const [asker] = rig.devices
      await asker?.page.evaluate(() => globalThis.roomful?.session.loadModel('models/bottleneck/'))
      try {
        const { model: small, cut, name, codeBytes, mapBytes } = bottleneck
        const wire = { bits: 32, bottleneck: name, entropy: 'none' } as const
        const stages = (a: number, b: number) => [
          { to: cut, seats: on(a) },
          { to: small.output, seats: on(b) },
        ]
        const here = await answersTo(planOf(small, stages(0, 0), { wire }), few())
        for (const helper of [1, 2]) {
          const there = await answersTo(planOf(small, stages(0, helper), { wire }), few())
          expectEqual(there, here)
          for (const { trace } of there) {
            expect(bytesOf(trace)).toBeGreaterThan(codeBytes)
            expect(bytesOf(trace)).toBeLessThan(mapBytes / 2)
          }
        }
      } finally {
        await asker?.page.evaluate(() => globalThis.roomful?.session.loadModel('models/imagenette/'))
      }
    })

    test('3 Chromium and Firefox: rows by four uneven shards, a pipeline', async () => {
      await grow({ name: 'C3' })
      const four = [
        { to: 'stem', seats: on(0, 1, 2, 3), weights: [5, 1, 3, 2] },
        { to: EXIT2_AT, seats: on(3, 2, 1, 0), weights: [1, 3, 2, 4] },
        { to: 'stage2_block2', seats: on(0, 1, 2, 3), weights: [1, 1, 2, 1] },
        { to: model.output, seats: on(0) },
      ]
      await expectExact(planOf(model, four), { uses: [1, 2, 3] })
      await expectSameLabels(planOf(model, four, { wire: INT8 }))
      await expectPipeline(chainOf(model, on(0, 2, 3, 1)), 4)
    })

    test('4 Chromium and Firefox: mixed, exits on a device of their own', async () => {
      await grow({ name: 'C4' })
      const mixed = [
        { to: 'stem', seats: on(1, 2, 3, 4), weights: [1, 4, 2, 3] },
        { to: EXIT1_AT, seats: on(4, 0), weights: [1, 2] },
        { to: 'stage2_block1', seats: on(2) },
        { to: model.output, seats: on(3) },
      ]
      await expectExact(planOf(model, mixed), { uses: [1, 2, 3, 4] })
      await expectExits([0, 2, 3], 4)
    })

    test('6 Chromium and Firefox: a chain of seven, rows by seven, a pipeline', async () => {
      await grow({ name: 'C5' }, { name: 'C6' })
      const everybody = on(0, 1, 2, 3, 4, 5, 6)
      const helpers = [1, 2, 3, 4, 5, 6]
      await expectExact(chainOf(model, everybody), { uses: helpers })
      await expectSameLabels(chainOf(model, everybody, { wire: INT8 }))
      await expectExact(
        planOf(model, [
          { to: 'stem', seats: everybody, weights: [4, 1, 2, 3, 2, 1, 3] },
          { to: EXIT1_AT, seats: on(6, 5, 4, 3, 2, 1), weights: [1, 2, 1, 3, 2, 1] },
          { to: 'stage2_block1', seats: on(1, 3, 5), weights: [2, 1, 1] },
          { to: model.output, seats: on(0) },
        ]),
        { uses: helpers },
      )
      await expectPipeline(chainOf(model, everybody), 5)
    })

    /** Opens more devices into the room; the first one asks. */
    async function grow(...devices: readonly DeviceOptions[]): Promise<void> {
      for (const device of await rig.join(...devices)) {
        const { self } = await device.snapshot()
        const [fastest] = self.backends
        if (fastest === undefined) throw new Error(`${self.name} has measured nothing`)
        seats.push({ device: self.id, backend: fastest.backend })
      }
    }

    function on(...indices: readonly number[]): Seat[] {
      return indices.map((index) => {
        const seat = seats[index]
        if (seat === undefined) throw new Error(`the room has no device ${index}`)
        return seat
      })
    }

    const few = () => pictures.slice(0, FEW)

    function asker(): Device {
      const [first] = rig.devices
      if (first === undefined) throw new Error('nobody is in the room')
      return first
    }

    function answersTo(plan: Plan, shown: readonly RgbaPicture[]): Promise<PlanAnswer[]> {
      return answersOf(asker(), plan, shown)
    }

    /** On the exact wire: the single-device answer, and each of the helpers has computed for it. */
    async function expectExact(plan: Plan, { uses = [] }: { uses?: readonly number[] } = {}): Promise<void> {
      const answers = await answersTo(plan, few())
      expectEqual(answers, alone)
      for (const { trace } of answers) {
        expect(trace.exit).toBe('final')
        const seats = on(...uses)
        // A stage may report after the answer: the page's story of the request is complete a moment later.
        await asker().until('every device has told that it computed', ({ requests }) => {
          const told = requests.find((request) => request.trace.request === trace.request)?.trace.spans ?? []
          return seats.every(({ device }) => told.some((span) => span.kind === 'compute' && span.device === device))
        })
      }
    }

    function expectEqual(answers: readonly PlanAnswer[], wanted: readonly PlanAnswer[]): void {
      for (const [index, answer] of answers.entries()) {
        expect(answer.index).toBe(wanted[index]?.index)
        expect(Math.abs(answer.confidence - (wanted[index]?.confidence ?? Number.NaN))).toBeLessThan(TOLERANCE)
      }
    }

    /** On a lossy wire: the single-device label for all pictures but one. */
    async function expectSameLabels(plan: Plan): Promise<PlanAnswer[]> {
      const answers = await answersTo(plan, pictures)
      const same = answers.filter(({ index }, picture) => index === alone[picture]?.index).length
      expect(same).toBeGreaterThanOrEqual(MANY - 1)
      return answers
    }

    /** A chain over the seats with one exit after the first of them, which is evaluated on seat `at`. */
    function exitPlan(
      chain: readonly number[],
      at: number,
      exit: Pick<ExitPlacement, 'exit' | 'threshold' | 'mode'>,
    ): Plan {
      const [place] = on(at)
      if (place === undefined) throw new Error('the exit has no place')
      const ends = [...[EXIT1_AT, 'stage2_block1', 'stage2_block3'].slice(0, chain.length - 1), model.output]
      const stages = chain.map((index, volume) => ({ to: ends[volume] ?? model.output, seats: on(index) }))
      return planOf(model, stages, { exits: [{ ...exit, ...place }] })
    }

    /** An exit on another device that is always or never sure, and races the trunk or holds it. */
    async function expectExits(chain: readonly number[], at: number): Promise<void> {
      const own = await answersTo(exitPlan([0, 0], 0, { exit: 'exit1', threshold: 0, mode: 'wait' }), few())
      const left = async (mode: 'race' | 'wait') => {
        const answers = await answersTo(exitPlan(chain, at, { exit: 'exit1', threshold: 0, mode }), few())
        for (const [picture, answer] of answers.entries()) {
          // Either may win a race on a busy machine; both have answers of their own.
          if (mode === 'wait') expect(answer.trace.exit).toBe('exit1')
          const expected = answer.trace.exit === 'exit1' ? own[picture] : alone[picture]
          expectEqual([answer], expected === undefined ? [] : [expected])
        }
      }
      const through = async (mode: 'race' | 'wait') => {
        const answers = await answersTo(exitPlan(chain, at, { exit: 'exit1', threshold: 1, mode }), few())
        for (const { trace } of answers) expect(trace.exit).toBe('final')
        expectEqual(answers, alone)
      }
      await left('wait')
      await through('race')
      await through('wait')
      await left('race')
      // What the exit has made needless is dropped everywhere.
      for (const device of rig.devices)
        await device.until('nothing runs there any more', ({ serving }) => serving === 0)
    }

    async function expectPipeline(plan: Plan, window: number): Promise<void> {
      await asker().installPlan(plan)
      const frames = pictures.filter((_, index) => isAlike(index) === false).slice(0, 12)
      const known = frames.map((picture) => alone[pictures.indexOf(picture)])
      const frameOf = (request: { answer?: { index: number; confidence: number } }) =>
        known.findIndex(
          (answer) =>
            answer?.index === request.answer?.index &&
            Math.abs((answer?.confidence ?? 0) - (request.answer?.confidence ?? 1)) < TOLERANCE,
        )
      const paced = await streamed(asker(), frames, { window, paced: true })
      expect(paced.answers.map(frameOf)).toEqual(frames.map((_, index) => index))
      // Frames are in flight together: one begins before the one before it has ended.
      const begins = paced.answers.map(({ endedAt, trace }) => endedAt - trace.totalMs)
      const overlaps = begins.filter((begin, index) => begin < (paced.answers[index - 1]?.endedAt ?? 0)).length
      expect(overlaps).toBeGreaterThan(frames.length / 2)

      const burst = await streamed(asker(), frames, { window, paced: false })
      const answered = burst.answers.map(frameOf)
      expect(burst.offered).toBe(frames.length)
      expect(answered).not.toContain(-1)
      expect(answered).toEqual(answered.toSorted((a, b) => a - b))
      // The latest frame wins: those between the first window and the last one were replaced.
      expect(answered.at(-1)).toBe(frames.length - 1)
      expect(answered.length).toBeLessThanOrEqual(window + 1)
    }

    /** Whether an earlier picture has the same answer within the tolerance: the two could not be told apart. */
    function isAlike(index: number): boolean {
      const own = alone[index]
      return alone
        .slice(0, index)
        .some(
          (other) =>
            other.index === own?.index && Math.abs(other.confidence - (own?.confidence ?? Number.NaN)) < 3 * TOLERANCE,
        )
    }
  })

function bytesOf(trace: Trace): number {
  return trace.spans.reduce((sum, span) => sum + (span.kind === 'transfer' ? (span.bytes ?? 0) : 0), 0)
}
