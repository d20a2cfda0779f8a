import { fileURLToPath } from 'node:url'
import { planWith, readRoom } from '@roomful/planner'
import { expect, it } from 'vitest'
import { plannableOf, readModelAt } from './model/read.ts'

const GMACS = [1.5, 3, 6, 12, 20, 30, 5, 8]

/** Devices of eight speeds, all linked. */
function room(count: number) {
  const devices = Array.from({ length: count }, (_, i) => ({
    id: `d${i}`,
    gmacsPerSecond: GMACS[i % GMACS.length],
    overheadMs: 0.4,
    rowStep: 4,
  }))
  const links = devices.flatMap(({ id: a }, i) =>
    devices.slice(i + 1).map(({ id: b }) => ({ a, b, mbitPerSecond: 100, rttMs: 3 })),
  )
  return readRoom({ initiator: 'd0', devices, links })
}

it.each([8, 16])(
  'auto leaves no device of %i out that would save time, and says what each would cost',
  async (count) => {
    const folder = fileURLToPath(new URL('../../../public/models/imagenette', import.meta.url))
    const model = plannableOf(await readModelAt(folder, { weights: false }))
    const { topology, predictor } = room(count)
    const result = await planWith('auto', model, topology, predictor)
    if (!result.ok) throw new Error(result.message)
    expect(
      result.notes.filter((note) => !/^adding d\d+ would (cost .* more than it saves|save nothing)$/.test(note)),
    ).toEqual([])
    expect(result.notes.filter((note) => note.includes(' 0.0 ms'))).toEqual([])
    expect(new Set(result.notes).size).toBe(result.notes.length)
  },
)
