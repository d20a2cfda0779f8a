import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { type HardSamples, hardSamples } from './hard-samples.ts'
import { shippedModel } from './shipped.ts'

const MODELS = fileURLToPath(new URL('../../../../public/models/', import.meta.url))

const rowsOf = async (name: string): Promise<HardSamples[]> => {
  const model = await shippedModel(`${MODELS}${name}`)
  if (model === undefined) throw new Error(`${name} is shipped`)
  return hardSamples(name, model)
}

describe('exits beside the trunk on a simulated phone', { timeout: 60_000 }, () => {
  it.each(['imagenette', 'handsigns'])('delay no hard sample of %s on any of the profiles', async (name) => {
    const rows = await rowsOf(name)
    const placed = rows.flatMap(({ ciahp, trunkMs }) => (ciahp === undefined ? [] : [{ ...ciahp, trunkMs }]))
    expect(placed.length).toBeGreaterThan(0)
    for (const { ms, predictedMs, trunkMs } of placed) {
      expect(ms / trunkMs).toBeLessThanOrEqual(1.05)
      expect(Math.abs(ms / predictedMs - 1)).toBeLessThan(0.02)
    }
    for (const { ciahp, why } of rows) if (ciahp === undefined) expect(why).toContain('delay')
  })

  it('beats either processor alone by the published factors on the first profile', async () => {
    const [row] = await rowsOf('imagenette')
    if (row?.ciahp === undefined) throw new Error('exits are placed there')
    expect(row.cpuMs / row.ciahp.ms).toBeGreaterThanOrEqual(2.31)
    expect(row.gpuMs / row.ciahp.ms).toBeGreaterThanOrEqual(1.23)
  })
})
