import { useRef } from 'preact/hooks'
import type { DeviceId, Span, Trace } from 'roomful'
import type { DeviceMark } from './device-mark.tsx'
import { bytes, ms } from './format.ts'
import { joinedSpans } from './joined-spans.ts'
import { useWidth } from './use-width.ts'

const ROW = 26
const LABEL = 110

/** One request over the devices it touched: a row a device, a bar a span, time from left to right. */
export function Gantt({ trace, mark }: { trace: Trace; mark: (id: DeviceId) => DeviceMark }) {
  const svg = useRef<SVGSVGElement>(null)
  const width = useWidth(svg)
  const devices = [...new Set(trace.spans.map((span) => span.device))]
  const endMs = Math.max(trace.totalMs, ...trace.spans.map((span) => span.endMs), 0.001)
  const rows = devices.map((device) => ({
    device,
    spans: joinedSpans(
      trace.spans.filter((span) => span.device === device),
      endMs,
    ),
  }))
  const scale = (width - LABEL - 8) / endMs
  const height = devices.length * ROW + 22
  return (
    <figure class="gantt">
      <figcaption>
        Last request: {ms(trace.totalMs)}, {trace.method}
      </figcaption>
      <svg ref={svg} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={describe(rows, mark)}>
        {rows.map(({ device, spans }, row) => (
          <g key={device} transform={`translate(0 ${row * ROW})`}>
            <text x={0} y={17} class="gantt-name">
              {mark(device).letter} {mark(device).name.slice(0, 13)}
            </text>
            {/* Without keys: the next request's bars take the places of these, which costs a phone less than new elements. */}
            {spans.map((span) => (
              <rect
                class={`span-${span.kind}`}
                x={LABEL + span.startMs * scale}
                y={span.kind === 'transfer' || span.kind === 'wait' ? 9 : 4}
                width={Math.max(1.5, (span.endMs - span.startMs) * scale)}
                height={span.kind === 'transfer' || span.kind === 'wait' ? 8 : 18}
                fill={mark(device).colour}
              >
                <title>{spanText(span, mark)}</title>
              </rect>
            ))}
          </g>
        ))}
        <text x={LABEL} y={height - 4} class="gantt-axis">
          0
        </text>
        <text x={width - 4} y={height - 4} class="gantt-axis" text-anchor="end">
          {ms(endMs)}
        </text>
      </svg>
    </figure>
  )
}

function spanText(span: Span, mark: (id: DeviceId) => DeviceMark): string {
  const parts = [`${span.kind} ${ms(span.endMs - span.startMs)}`]
  if (span.volume !== undefined) parts.push(`volume ${span.volume + 1}`)
  if (span.exit !== undefined) parts.push(span.exit)
  if (span.bytes !== undefined) parts.push(bytes(span.bytes))
  if (span.to !== undefined) parts.push(`to ${mark(span.to).name}`)
  return parts.join(', ')
}

function describe(
  rows: readonly { device: DeviceId; spans: readonly Span[] }[],
  mark: (id: DeviceId) => DeviceMark,
): string {
  return rows
    .flatMap(({ device, spans }) => spans.map((span) => `${mark(device).name}: ${spanText(span, mark)}`))
    .join('; ')
}
