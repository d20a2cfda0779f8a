import { fromWire, systemClock, withDeadline } from '@roomful/core'
import { memorySource, type PackageSource } from '@roomful/model'
import { RoomfulError } from '../session.ts'
import type { PrepareJob, PrepareOutcome } from './prepare.worker.ts'

const TIMEOUT_MS = 120_000

/**
 * The package of a dropped ONNX file, made in a Worker of its own that ends with the job. Only bytes are copied; a Blob or
 * File is read in the Worker.
 * @throws ReasonedError as GraphError or ModelError named it; RoomfulError `bad-model` when the worker fails; `signal.reason`
 */
export async function prepareDropped(
  dropped: Uint8Array | Blob,
  name: string | undefined,
  signal: AbortSignal | undefined,
): Promise<PackageSource> {
  const worker = new Worker(new URL('./prepare.worker.ts', import.meta.url), {
    type: 'module',
    name: 'roomful-prepare',
  })
  const answered = new Promise<PrepareOutcome>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<PrepareOutcome>) => resolve(data)
    worker.onerror = ({ message }) => reject(new RoomfulError('bad-model', message || 'the model could not be read'))
  })
  const file = dropped instanceof Blob ? dropped : new Blob([new Uint8Array(dropped)])
  const job: PrepareJob = name === undefined ? { file } : { file, name }
  worker.postMessage(job)
  try {
    const onTimeout = () => new RoomfulError('bad-model', `it was not read within ${TIMEOUT_MS / 1000} s`)
    const outcome = await withDeadline(answered, { clock: systemClock, timeoutMs: TIMEOUT_MS, signal, onTimeout })
    if (!outcome.ok) throw fromWire(outcome.error)
    return memorySource(outcome.files)
  } finally {
    worker.terminate()
  }
}
