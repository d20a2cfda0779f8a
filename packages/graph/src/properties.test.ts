import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { analyse } from './analyse.ts'
import { extract } from './extract.ts'
import { partitionPoints } from './partition.ts'
import { randomFeeds, relativeError, rowsOf, runGraph } from './testing/node/index.ts'
import { randomNet } from './testing/node/random-net.ts'
import { tile } from './tile.ts'
import { tileable } from './volume.ts'

/** Another seed tries other nets: ROOMFUL_SEED=7 npx vitest run packages/graph/src/properties */
const SEED = Number(process.env['ROOMFUL_SEED'] ?? 2026)
const CASES = 1000
const LIMIT = 1e-5

describe('random nets', () => {
  it(`agree with the whole at a random cut and in random strips, ${CASES} times`, async () => {
    let [cuts, tiles, refused] = [0, 0, 0]
    await fc.assert(
      fc.asyncProperty(
        randomNet,
        fc.nat(),
        fc.nat(),
        fc.tuple(fc.nat(), fc.nat()),
        async ({ graph }, a, b, borders) => {
          const analysis = analyse(graph)
          const [input, output] = [graph.inputs[0]?.name ?? '', graph.outputs[0]?.name ?? '']
          const names = [input, ...partitionPoints(analysis).map((point) => point.tensor), output]
          const feeds = randomFeeds(graph, a)
          const whole = { ...feeds, ...(await runGraph(extract(graph, input, names.slice(1)), feeds)) }
          const at = (name: string) => whole[name] ?? expect.unreachable(`${name} was not computed`)

          const i = a % (names.length - 1)
          const j = i + 1 + (b % (names.length - 1 - i))
          const [from = '', to = ''] = [names[i], names[j]]
          const middle = await runGraph(extract(graph, from, to), { [from]: at(from) })
          expect(relativeError(at(to), middle[to] ?? at(input)), `${from} to ${to}`).toBeLessThan(LIMIT)
          cuts += 1

          if (!tileable(analysis, from, to).ok) {
            refused += 1
            return
          }
          const height = at(to).dims[2] ?? 1
          const rows = [0, ...borders.map((border) => border % height), height].sort((p, q) => p - q)
          for (const [k, end] of rows.entries()) {
            const start = rows[k - 1] ?? 0
            if (end <= start) continue
            const { graph: part, inputRows } = tile(analysis, from, to, { start, end })
            const made = await runGraph(part, { [from]: rowsOf(at(from), inputRows.start, inputRows.end) })
            const error = relativeError(rowsOf(at(to), start, end), made[to] ?? at(input))
            expect(error, `rows ${start}:${end} of ${from} to ${to}`).toBeLessThan(LIMIT)
            tiles += 1
          }
        },
      ),
      { numRuns: CASES, seed: SEED },
    )
    expect({ cuts, tileable: tiles > 1.5 * CASES, mostlyTileable: refused < CASES / 3 }).toEqual({
      cuts: CASES,
      tileable: true,
      mostlyTileable: true,
    })
  }, 240_000)
})
