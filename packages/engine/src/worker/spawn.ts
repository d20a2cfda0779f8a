import { type WorkerPort, workerPort } from './port.ts'

/** A fresh engine worker. The form of this expression is what Vite recognises; it makes a chunk of the worker. */
export function spawnEngineWorker(): WorkerPort {
  return workerPort(
    new Worker(new URL('./engine.worker.ts', import.meta.url), { type: 'module', name: 'roomful-engine' }),
  )
}
