import { benchRoom, loadScenario } from '@roomful/bench/room'
import { expect, test } from 'playwright/test'

/** Short runs: that everything is measured and adds up, not how fast it is. */
const SHORT = {
  methods: ['ort', 'local', 'offload', 'auto+exits'],
  blocks: 2,
  loopMs: 500,
  picturesPerBlock: 8,
  episodes: 1,
  streamMs: 0,
  // However slow the machine is: both blocks, and the devices alone after them.
  budgetMs: 900_000,
}

for (const name of ['phone-laptop', 'four-equal']) {
  test(`bench room measures ${name}`, async () => {
    const scenario = loadScenario(name)
    const result = await benchRoom({ scenario, quick: true, extent: SHORT })
    expect(result.scenario).toBe(name)
    expect(Object.keys(result.solo).sort()).toEqual(scenario.devices.map((device) => device.name).sort())
    expect(result.rows.map(({ method }) => method)).toEqual(expect.arrayContaining(SHORT.methods))
    for (const row of result.rows) {
      expect(row.requests).toBeGreaterThan(0)
      expect(row.failed).toBe(0)
      expect(row.meanMs).toBeGreaterThan(0)
      expect(row.p95Ms).toBeGreaterThan(0)
      expect(row.ratioToLocal).toBeGreaterThan(0)
      expect(row.model).toBe('imagenette')
    }
    const local = result.rows.find(({ method }) => method === 'local')
    expect(local?.ratioToLocal).toBeGreaterThan(0)
    const ort = result.rows.find(({ method }) => method === 'ort')
    expect(ort?.ratioToLocal).toBe(1)
    expect(ort?.devices).toEqual([scenario.devices[0]?.name])
    const auto = result.rows.find(({ method }) => method === 'auto+exits')
    expect(auto?.blocks).toBe(2)
    expect(auto?.ciMs).not.toBeNull()
    expect(Object.keys(result.soloAfter)).toContain(scenario.devices[0]?.name)
    expect(local?.bytes).toBe(0)
    const offload = result.rows.find(({ method }) => method === 'offload')
    expect(offload?.bytes).toBeGreaterThan(1000)
    expect(result.measured.links.length).toBe((scenario.devices.length * (scenario.devices.length - 1)) / 2)
    expect(Object.keys(result.traces)).toContain('local')
  })
}
