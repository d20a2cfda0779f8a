import type { RoomSnapshot } from 'roomful'
import { bytes } from './format.ts'

/** What is going on before the first answer: the benchmark, then the model's download. */
export function JoinProgress({ snapshot }: { snapshot: RoomSnapshot }) {
  const { benchmark, model, modelState } = snapshot
  if (!benchmark.running && modelState !== 'loading') return null
  return (
    <section class="progress" aria-label="Getting ready">
      {benchmark.running && (
        <label>
          Measuring this device: {benchmark.step}
          <progress max={1} value={benchmark.progress} />
        </label>
      )}
      {modelState === 'loading' && (
        <label>
          Fetching the model
          {model === undefined ? '' : `: ${bytes(model.downloadedBytes)} of ${bytes(model.totalBytes)}`}
          <progress
            max={1}
            {...(model === undefined ? {} : { value: model.downloadedBytes / Math.max(1, model.totalBytes) })}
          />
        </label>
      )}
    </section>
  )
}
