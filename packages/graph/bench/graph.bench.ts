/**
 * npx tsx packages/graph/bench/graph.bench.ts
 *
 * Reading, inspecting and cutting the 14 MB MobileNetV2 and the light ResNet-50 of ../shared/models, and the same cut by Python's
 * onnx.utils.extract_model (Debian's python3-onnx) in the same run, from file to file.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bench, group, run } from 'mitata'
import { analyse } from '../src/analyse.ts'
import { extract } from '../src/extract.ts'
import { readModel } from '../src/format/read-model.ts'
import { writeModel } from '../src/format/write-model.ts'
import { volumeGeometry } from '../src/geometry.ts'
import { partitionPoints } from '../src/partition.ts'

const FOLDER = join(import.meta.dirname, '../../../../shared/models')
const FILES = ['mobilenetv2_fp32_deq.onnx', 'light/light_resnet50.onnx']
const PYTHON = '/usr/bin/python3'
const RUNS = 9

if (!existsSync(FOLDER)) {
  console.info(`skipped: no models at ${FOLDER}`)
  process.exit(0)
}

function inspect(bytes: Uint8Array) {
  return partitionPoints(analyse(readModel(bytes)))
}

/** A third and two thirds of the way. */
function cutOf(bytes: Uint8Array): [string, string] {
  const points = inspect(bytes).map((point) => point.tensor)
  const at = (share: number) => points[Math.floor(points.length * share)] ?? ''
  return [at(1 / 3), at(2 / 3)]
}

const median = (times: number[]): number => times.sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN

const SCRIPT = `
import sys, time, onnx, onnx.utils
src, dst, a, b, runs = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])
times = []
for _ in range(runs):
    start = time.perf_counter()
    onnx.utils.extract_model(src, dst, [a], [b], check_model=False)
    times.append((time.perf_counter() - start) * 1000)
print(sorted(times)[runs // 2])
`

function compare(file: string, folder: string): void {
  const source = join(FOLDER, file)
  const [from, to] = cutOf(readFileSync(source))
  const times: number[] = []
  for (let i = 0; i < RUNS; i += 1) {
    const start = performance.now()
    writeFileSync(join(folder, 'ours.onnx'), writeModel(extract(readModel(readFileSync(source)), from, to)).model)
    times.push(performance.now() - start)
  }
  const ours = median(times)
  const args = ['-c', SCRIPT, source, join(folder, 'python.onnx'), from, to, String(RUNS)]
  const python = Number(execFileSync(PYTHON, args, { encoding: 'utf8' }).trim().split('\n').at(-1))
  const ratio = (python / ours).toFixed(1)
  console.info(
    `extract ${file}, file to file: ${ours.toFixed(1)} ms, Python ${python.toFixed(1)} ms: ${ratio} x as fast`,
  )
}

for (const file of FILES) {
  const bytes = readFileSync(join(FOLDER, file))
  const [from, to] = cutOf(bytes)
  const graph = readModel(bytes)
  group(file, () => {
    bench('read', () => readModel(bytes))
    bench('read, analyse, partition points', () => inspect(bytes))
    bench('extract (shapes known)', () => extract(graph, from, to))
    bench('read, extract, write', () => writeModel(extract(readModel(bytes), from, to)))
    const geometry = volumeGeometry(analyse(graph), from, to)
    const rows = { start: geometry.outputHeight >> 2, end: geometry.outputHeight >> 1 }
    bench('geometry of one tile', () => geometry.rows(rows))
  })
}
await run()

const folder = mkdtempSync(join(tmpdir(), 'roomful-graph-'))
try {
  for (const file of FILES) compare(file, folder)
} catch (error) {
  console.info(`no comparison with Python: ${error}`)
} finally {
  rmSync(folder, { recursive: true })
}
