import { chromeTraceOf, type DeviceId, type RoomSnapshot } from 'roomful'
import { download } from '../export/download.ts'
import { requestsCsv } from '../export/requests-csv.ts'
import type { DeviceMark } from './device-mark.tsx'
import { ms } from './format.ts'
import { Gantt } from './gantt.tsx'
import { LatencyBars } from './latency-bars.tsx'

/** Where the time went: the last request over the devices, the last hundred as bars, and the counts. */
export function TimePanel({ snapshot, mark }: { snapshot: RoomSnapshot; mark: (id: DeviceId) => DeviceMark }) {
  const { stats, requests } = snapshot
  const last = requests.at(-1)
  return (
    <section class="time" aria-labelledby="time-title">
      <h2 id="time-title">Time</h2>
      <dl class="figures">
        <Figure name="p50" value={stats.answered > 0 ? ms(stats.p50Ms) : '–'} />
        <Figure name="p95" value={stats.answered > 0 ? ms(stats.p95Ms) : '–'} />
        <Figure name="answered" value={String(stats.answered)} />
        {Object.entries(stats.byExit).map(([exit, count]) => (
          <Figure key={exit} name={exit === 'final' ? 'to the end' : exit} value={String(count)} />
        ))}
        <Figure name="own cache" value={String(stats.bySource['own-cache'])} />
        <Figure name="room cache" value={String(stats.bySource['room-cache'])} />
        <Figure name="recovered" value={String(stats.recovered)} />
        <Figure name="failed" value={String(stats.failed)} />
      </dl>
      {last === undefined ? (
        <p class="hint">The first request's timeline appears here.</p>
      ) : (
        <Gantt trace={last.trace} mark={mark} />
      )}
      {requests.length > 0 && <LatencyBars requests={requests} mark={mark} />}
      {requests.length > 0 && (
        <div class="row">
          <button
            type="button"
            onClick={() =>
              download('roomful-trace.json', JSON.stringify(chromeTraceOf(requests, (id) => mark(id).name)))
            }
          >
            Chrome trace
          </button>
          <button type="button" onClick={() => download('roomful-requests.json', JSON.stringify(requests, null, 1))}>
            JSON
          </button>
          <button type="button" onClick={() => download('roomful-requests.csv', requestsCsv(requests))}>
            CSV
          </button>
        </div>
      )}
    </section>
  )
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-testid={`figure-${name}`}>{value}</dd>
    </div>
  )
}
