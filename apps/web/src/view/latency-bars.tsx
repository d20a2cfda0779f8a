import { useEffect, useMemo, useRef } from 'preact/hooks'
import type { DeviceId, RequestView } from 'roomful'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import type { DeviceMark } from './device-mark.tsx'
import { computingDevices, type Part, stackByPart } from './latency-stack.ts'

/** A part of the bars with its name and colour. */
interface Series extends Part {
  readonly name: string
  readonly colour: string
}

const BEFORE: Series = { name: 'preprocess', kinds: ['preprocess', 'cache'], colour: '#f0e442' }
const AFTER: readonly Series[] = [
  { name: 'encode', kinds: ['encode', 'decode'], colour: '#3d4b57' },
  { name: 'transfer', kinds: ['transfer'], colour: '#7d8b98' },
  { name: 'wait', kinds: ['queue', 'wait', 'recover'], colour: '#c3ccd4' },
]

/** Bottom to top: preparing, the compute of each device in its colour, and in greys what moves bytes or waits. */
function seriesOf(devices: readonly DeviceId[], mark: (id: DeviceId) => DeviceMark): readonly Series[] {
  const compute = devices.map((device): Series => {
    const { letter, colour } = mark(device)
    return { name: `compute on ${letter}`, kinds: ['compute', 'exit'], device, colour }
  })
  return [BEFORE, ...compute, ...AFTER]
}

/** The last hundred requests as stacked bars. */
export function LatencyBars(props: { requests: readonly RequestView[]; mark: (id: DeviceId) => DeviceMark }) {
  const { requests, mark } = props
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>()
  const series = seriesOf(computingDevices(requests.map(({ trace }) => trace)).sort(), mark)
  // A chart has its series for life: another one is made when a device joins the bars or changes its colour.
  const key = series.map(({ name, colour }) => name + colour).join()
  const kept = useMemo(() => series, [key])

  useEffect(() => {
    const host = box.current
    if (host === null) return
    const chart = new uPlot(options(host.clientWidth, kept), stacked(requests, kept), host)
    plot.current = chart
    const resize = new ResizeObserver(() => chart.setSize({ width: host.clientWidth, height: 170 }))
    resize.observe(host)
    return () => {
      resize.disconnect()
      chart.destroy()
      plot.current = undefined
    }
  }, [kept])

  useEffect(() => plot.current?.setData(stacked(requests, kept)), [requests, kept])

  return (
    <figure class="bars">
      <figcaption>
        Last {requests.length} {requests.length === 1 ? 'request' : 'requests'}:{' '}
        {kept.map((part) => (
          <span key={part.device ?? part.name} class="bars-key">
            <span class="swatch" style={{ background: part.colour }} /> {part.name}
          </span>
        ))}
      </figcaption>
      <div ref={box} aria-hidden="true" />
    </figure>
  )
}

/** uPlot draws series over one another: the tallest (the whole stack) first, the bottom part last. */
function stacked(requests: readonly RequestView[], series: readonly Series[]): uPlot.AlignedData {
  const stack = stackByPart(
    requests.map((request) => request.trace),
    series,
  )
  return [requests.map((_, index) => index + 1), ...stack.toReversed()]
}

function options(width: number, series: readonly Series[]): uPlot.Options {
  const bars = uPlot.paths.bars?.({ size: [0.8, 24] })
  return {
    width,
    height: 170,
    cursor: { show: false },
    legend: { show: false },
    scales: {
      // Half a bar's room at each end.
      x: { time: false, range: (_, min, max) => [min - 0.5, max + 0.5] },
      y: { range: (_, __, max) => [0, Math.max(1, max * 1.05)] },
    },
    axes: [
      { show: false },
      {
        stroke: '#888',
        grid: { stroke: 'rgb(128 128 128 / 0.2)' },
        size: 72,
        values: (_, ticks) => ticks.map((t) => `${t} ms`),
      },
    ],
    series: [
      {},
      ...series.toReversed().map((part) => ({
        label: part.name,
        fill: part.colour,
        width: 0,
        points: { show: false },
        ...(bars === undefined ? {} : { paths: bars }),
      })),
    ],
  }
}
