import { useEffect, useRef } from 'preact/hooks'
import type { RequestView, SpanKind } from 'roomful'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { stackByGroup } from './latency-stack.ts'

/** The parts of a bar, bottom to top, each with its colour (told apart by brightness as well as hue). */
export const GROUPS: readonly { name: string; kinds: readonly SpanKind[]; colour: string }[] = [
  { name: 'preprocess', kinds: ['preprocess', 'cache'], colour: '#b8a800' },
  { name: 'compute', kinds: ['compute', 'exit'], colour: '#0072b2' },
  { name: 'encode', kinds: ['encode', 'decode'], colour: '#56b4e9' },
  { name: 'transfer', kinds: ['transfer'], colour: '#d55e00' },
  { name: 'wait', kinds: ['queue', 'wait', 'recover'], colour: '#999999' },
]

/** The last hundred requests as stacked bars. */
export function LatencyBars({ requests }: { requests: readonly RequestView[] }) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>()

  useEffect(() => {
    const host = box.current
    if (host === null) return
    const chart = new uPlot(options(host.clientWidth), stacked(requests), host)
    plot.current = chart
    const resize = new ResizeObserver(() => chart.setSize({ width: host.clientWidth, height: 170 }))
    resize.observe(host)
    return () => {
      resize.disconnect()
      chart.destroy()
      plot.current = undefined
    }
  }, [])

  useEffect(() => plot.current?.setData(stacked(requests)), [requests])

  return (
    <figure class="bars">
      <figcaption>
        Last {requests.length} {requests.length === 1 ? 'request' : 'requests'}:{' '}
        {GROUPS.map((group) => (
          <span key={group.name} class="bars-key">
            <span class="swatch" style={{ background: group.colour }} /> {group.name}
          </span>
        ))}
      </figcaption>
      <div ref={box} aria-hidden="true" />
    </figure>
  )
}

/** uPlot draws series over one another: the tallest (the whole stack) first, the bottom part last. */
function stacked(requests: readonly RequestView[]): uPlot.AlignedData {
  const stack = stackByGroup(
    requests.map((request) => request.trace),
    GROUPS.map((group) => group.kinds),
  )
  return [requests.map((_, index) => index + 1), ...stack.toReversed()]
}

function options(width: number): uPlot.Options {
  const bars = uPlot.paths.bars?.({ size: [0.8, 24] })
  return {
    width,
    height: 170,
    cursor: { show: false },
    legend: { show: false },
    scales: { x: { time: false }, y: { range: (_, __, max) => [0, Math.max(1, max * 1.05)] } },
    axes: [
      { show: false },
      {
        stroke: '#888',
        grid: { stroke: 'rgb(128 128 128 / 0.2)' },
        size: 56,
        values: (_, ticks) => ticks.map((t) => `${t} ms`),
      },
    ],
    series: [
      {},
      ...GROUPS.toReversed().map((group) => ({
        label: group.name,
        fill: group.colour,
        width: 0,
        points: { show: false },
        ...(bars === undefined ? {} : { paths: bars }),
      })),
    ],
  }
}
