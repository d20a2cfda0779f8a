import { existsSync } from 'node:fs'
import { readModel } from '@roomful/graph'
import { NetBuilder } from '@roomful/graph/testing'
import { type Browser, chromium, type Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EnginePage } from '../test/browser/page.ts'
import { servePage } from '../test/browser/serve.ts'
import { createOrtNodeEngine } from './node/ort-node-engine.ts'
import { NetWriter } from './onnx/net-writer.ts'
import { blockNet, randomInput, smallNet } from './testing/nets.ts'
import { WINDOW_CASES } from './testing/operator-cases.ts'

const SYSTEM_CHROMIUM = '/usr/bin/chromium'
const installed = existsSync(SYSTEM_CHROMIUM) ? SYSTEM_CHROMIUM : chromium.executablePath()
if (!existsSync(installed)) console.info('engine in a browser: skipped, no Chromium is installed')

const DIMS = [1, 3, 16, 16]
const MODEL = Array.from(smallNet())
const BLOCK = Array.from(blockNet())
const VALUES = Array.from(randomInput(DIMS).data)

describe.runIf(existsSync(installed))('in Chromium', () => {
  let server: Awaited<ReturnType<typeof servePage>>
  let browser: Browser
  let page: Page
  let expected: number[]

  beforeAll(async () => {
    server = await servePage()
    browser = await chromium.launch({
      executablePath: installed,
      args: ['--no-sandbox', '--disable-quic', '--enable-unsafe-webgpu', '--enable-unsafe-swiftshader'],
    })
    page = await browser.newPage()
    await page.goto(server.url)
    await page.waitForFunction(() => 'enginePage' in globalThis)
    await using engine = createOrtNodeEngine()
    const session = await engine.load(smallNet())
    const { outputs } = await session.run({ x: randomInput(DIMS) })
    expected = Array.from(outputs['y']?.data ?? [], Number)
  }, 60_000)

  afterAll(async () => {
    await browser?.close()
    await server?.[Symbol.asyncDispose]()
  })

  /** Calls the test page's function of that name. */
  function call<K extends keyof EnginePage>(name: K, ...args: Parameters<EnginePage[K]>) {
    return page.evaluate(
      ([key, values]) =>
        (globalThis as unknown as { enginePage: Record<string, (...a: unknown[]) => unknown> }).enginePage[key]?.(
          ...values,
        ),
      [name, args] as const,
    ) as Promise<Awaited<ReturnType<EnginePage[K]>>>
  }

  function near(values: readonly number[]): void {
    expect(values.length).toBe(expected.length)
    for (const [i, value] of values.entries()) expect(Math.abs(value - (expected[i] ?? 0))).toBeLessThan(1e-4)
  }

  test('ONNX Runtime WASM with one and with two threads answers as ONNX Runtime in Node', async () => {
    expect(await call('isolated')).toBe(true)
    for (const threads of [1, 2]) {
      expect(await call('open', 'ort-wasm', threads)).toEqual({ threads })
      await call('load', MODEL)
      const { dims, values } = await call('run', DIMS, VALUES)
      expect(dims).toEqual([1, 10])
      near(values)
    }
  })

  test('a WASM device downloads neither the WebGPU runtime nor TensorFlow.js', async () => {
    const names = await call('downloads')
    expect(names.filter((name) => /asyncify|jsep|webgpu|tfjs/.test(name))).toEqual([])
  })

  test('every element type passes, halves as raw bits also where the platform has Float16Array', async () => {
    const dtypes = ['float16', 'int64', 'int32', 'uint8', 'int8', 'bool'] as const
    const models = dtypes.map((dtype) => {
      const net = new NetWriter()
      net.input('x', [2], dtype)
      net.output(net.node('Identity', ['x'], {}, 'y'), [2], dtype)
      return [dtype, Array.from(net.build())] as const
    })
    // TensorFlow.js takes float32 alone: ONNX Runtime, in the same Worker, does the rest for it.
    for (const backend of ['ort-wasm', 'tfjs-wasm'] as const) {
      await call('open', backend, 1)
      expect(await call('dtypes', Object.fromEntries(models)), backend).toEqual({
        float16: 'float16 Uint16Array 15360,49152',
        int64: 'int64 BigInt64Array 1,-2',
        int32: 'int32 Int32Array 5,-6',
        uint8: 'uint8 Uint8Array 1,255',
        int8: 'int8 Int8Array 1,-2',
        bool: 'bool Uint8Array 1,0',
      })
    }
  })

  test('a map tapped out of a chain is shared with a second Worker, its memory serves again, and a chain hears that it must stop', async () => {
    await call('open', 'ort-wasm', 1)
    const { shared, there, chain, reused, pausedAfter } = await call('tapped', BLOCK, DIMS, VALUES)
    expect([shared, reused]).toEqual([true, true])
    expect(pausedAfter).toBeGreaterThan(0)
    expect(pausedAfter).toBeLessThan(2000)
    expect(chain).toHaveLength(VALUES.length)
    expect(there).toEqual(chain)
  })

  test('without cross-origin isolation WASM runs on one thread', async () => {
    await using plain = await servePage(false)
    const other = await browser.newPage()
    await other.goto(plain.url)
    await other.waitForFunction(() => 'enginePage' in globalThis)
    const opened = await other.evaluate(() =>
      (globalThis as unknown as { enginePage: EnginePage }).enginePage.open('ort-wasm', 4),
    )
    expect(opened).toEqual({ threads: 1 })
    await other.close()
  })

  test('50 cycles of load, run and dispose leave nothing', async () => {
    await call('open', 'ort-wasm', 1)
    expect(await call('cycles', 50, MODEL, DIMS, VALUES)).toEqual({ sessions: 0, liveTensors: 0 })
  })

  test('an engine terminated in the middle of a run ends at once, and the next one works', async () => {
    await call('open', 'ort-wasm', 1)
    expect(await call('terminateMidRun', Array.from(smallNet(1024)), [1, 3, 1024, 1024])).toBe('disposed')
    await call('open', 'ort-wasm', 1)
    await call('load', MODEL)
    near((await call('run', DIMS, VALUES)).values)
  })

  test('the benchmark measures ONNX Runtime on WASM with one and with two threads, then TensorFlow.js, and leaves emulated GPUs out', async () => {
    const { speeds, progress } = await call('benchmark', false)
    expect(speeds.map(({ backend, threads }) => [backend, threads])).toEqual([
      ['ort-wasm', 1],
      ['ort-wasm', 2],
      ['tfjs-wasm', 1],
    ])
    for (const speed of speeds) {
      expect(speed.gmacsPerSecond).toBeGreaterThan(0.01)
      expect(speed.overheadMs).toBeGreaterThan(0)
    }
    expect(progress.filter((event) => event.phase === 'failed')).toEqual([])
    expect((await call('storage')).writeMbPerSecond).toBeGreaterThan(0)
  })

  test('TensorFlow.js on WASM answers the same, on one thread, and leaves no tensor behind', async () => {
    expect(await call('open', 'tfjs-wasm', 2)).toEqual({ threads: 1 })
    await call('load', MODEL)
    near((await call('run', DIMS, VALUES)).values)
    const { there, chain } = await call('tapped', BLOCK, DIMS, VALUES)
    for (const [i, value] of there.entries()) expect(Math.abs(value - (chain[i] ?? Number.NaN))).toBeLessThan(1e-4)
    await call('open', 'tfjs-wasm', 1)
    for (const { title, opset = 13, build } of WINDOW_CASES) {
      const net = new NetBuilder({ opset, seed: 5 })
      build(net)
      await agrees(title, net.bytes(), readModel(net.bytes()).inputs[0]?.shape?.map(Number) ?? [])
    }
    expect(await call('cycles', 0, [], [], [])).toEqual({ sessions: 0, liveTensors: 0 })
    await call('close')
  })

  for (const backend of ['ort-webgpu', 'tfjs-webgpu', 'tfjs-webgl'] as const) {
    test(`${backend} on a GPU emulated in software answers the same, where the browser has one`, async () => {
      try {
        await call('open', backend)
      } catch (error) {
        expect(String(error)).toMatch(/no WebGPU adapter|cannot use/)
        console.info(`${backend}: not in this Chromium`)
        return
      }
      await call('load', MODEL)
      near((await call('run', DIMS, VALUES)).values)
      const { there, chain } = await call('tapped', BLOCK, DIMS, VALUES)
      for (const [i, value] of there.entries()) expect(Math.abs(value - (chain[i] ?? Number.NaN))).toBeLessThan(1e-4)
      if (backend === 'ort-webgpu') return
      await call('open', backend)
      for (const { title, opset = 13, build } of WINDOW_CASES) {
        const net = new NetBuilder({ opset, seed: 5 })
        build(net)
        await agrees(title, net.bytes(), readModel(net.bytes()).inputs[0]?.shape?.map(Number) ?? [])
      }
      expect(await call('cycles', 0, [], [], [])).toEqual({ sessions: 0, liveTensors: 0 })
      await call('close')
    })
  }

  /** One net with one input and one output, here and on ONNX Runtime in Node. */
  async function agrees(title: string, model: Uint8Array, dims: number[]): Promise<void> {
    await using engine = createOrtNodeEngine({ optimisation: 'disabled' })
    await using session = await engine.load(model)
    const input = randomInput(dims, 3)
    const { outputs } = await session.run({ x: input })
    const got = await call('once', Array.from(model), { x: { dims, values: Array.from(input.data) } })
    if (typeof got === 'string') expect.fail(`${title}: ${got}`)
    for (const [name, { data }] of Object.entries(outputs)) {
      const values = Array.from(data, Number)
      const range = Math.max(1e-6, ...values.map(Math.abs))
      const worst = Math.max(...values.map((value, i) => Math.abs(value - (got[name]?.values[i] ?? Number.NaN))))
      expect(worst / range, title).toBeLessThan(1e-4)
    }
  }
})
