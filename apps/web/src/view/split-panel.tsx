import { useRef, useState } from 'preact/hooks'
import type { DeviceId, HandPlan, ModelView, Plan, RoomSession, RoomSnapshot } from 'roomful'
import type { DeviceMark } from './device-mark.tsx'
import { Mark } from './device-mark.tsx'
import { bytes, macs } from './format.ts'
import { HandPlanForm } from './hand-plan-form.tsx'
import { type Cut, nearestEnd, type SplitLayout, splitLayout, staysOnDevice, stripes } from './split-layout.ts'
import { useWidth } from './use-width.ts'

const HEIGHT = 190
const STRIP_TOP = 34
const STRIP_HEIGHT = 116

/** Keys of a slider (WAI-ARIA Authoring Practices). */
const STEPS: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }

type Marks = (id: DeviceId) => DeviceMark

/** The network as a strip of blocks: width = work, height = feature-map size, colour = device. */
export function SplitPanel({ snapshot, session, mark }: { snapshot: RoomSnapshot; session: RoomSession; mark: Marks }) {
  const { model } = snapshot
  const plan = snapshot.plan?.plan
  const [trouble, setTrouble] = useState('')
  if (model === undefined) return null
  const layout = splitLayout(model, plan)
  const fired = snapshot.requests.at(-1)?.trace.exit
  const apply = (hand: HandPlan) => {
    setTrouble('')
    session
      .planByHand(hand)
      .catch((error: unknown) => setTrouble(error instanceof Error ? error.message : String(error)))
  }
  return (
    <section class="split" aria-labelledby="split-title">
      <h2 id="split-title">
        Split of {model.name} <span class="hint">{macs(model.macs)} multiply-accumulates</span>
      </h2>
      <Strip
        model={model}
        plan={plan}
        layout={layout}
        mark={mark}
        fired={fired}
        onMove={snapshot.role === 'observer' ? undefined : apply}
      />
      {plan !== undefined && <Legend plan={plan} mark={mark} />}
      {trouble !== '' && (
        <p class="trouble" role="alert">
          {trouble}
        </p>
      )}
      <HandPlanForm snapshot={snapshot} onPlan={apply} />
    </section>
  )
}

function Strip(props: {
  model: ModelView
  plan: Plan | undefined
  layout: SplitLayout
  mark: Marks
  fired: string | undefined
  /** Absent where the plan can only be looked at. */
  onMove: ((hand: HandPlan) => void) | undefined
}) {
  const { model, plan, layout, mark, fired, onMove } = props
  const svg = useRef<SVGSVGElement>(null)
  const WIDTH = useWidth(svg)
  const [dragged, setDragged] = useState<{ volume: number; after: number }>()

  const bounds = (volume: number) => ({
    min: layout.cuts[volume - 1]?.after ?? -1,
    max: layout.cuts[volume + 1]?.after ?? model.segments.length - 1,
  })
  const positionOf = (event: PointerEvent) => {
    const box = svg.current?.getBoundingClientRect()
    return box === undefined ? 0 : (event.clientX - box.left) / box.width
  }
  const move = (cut: Cut, after: number | undefined) => {
    const hand = plan === undefined || after === undefined ? undefined : movedCut(model, plan, cut.volume, after)
    if (hand !== undefined) onMove?.(hand)
  }

  return (
    <svg ref={svg} class="strip" viewBox={`0 0 ${WIDTH} ${HEIGHT}`}>
      <title>Which layers run on which device</title>
      {layout.blocks.map((block) => {
        const shards = plan?.volumes[block.volume]?.shards ?? []
        const height = STRIP_HEIGHT * block.height
        const top = STRIP_TOP + (STRIP_HEIGHT - height) / 2
        return stripes(shards.map((shard) => shard.rows)).map((stripe, index) => {
          const device = shards[index]?.device
          return (
            <rect
              key={`${block.to}-${index}`}
              x={block.x * WIDTH + 1}
              y={top + stripe.start * height + (index > 0 ? 1 : 0)}
              width={Math.max(1, block.width * WIDTH - 2)}
              height={Math.max(1, (stripe.end - stripe.start) * height - (index > 0 ? 1 : 0))}
              fill={device === undefined ? 'var(--line)' : mark(device).colour}
              rx={3}
            >
              <title>{`${block.to}: ${macs(block.macs)}, ${bytes(block.bytes)}`}</title>
            </rect>
          )
        })
      })}
      {layout.taps.map((tap) => (
        <g key={tap.name} class={fired === tap.name ? 'tap fired' : 'tap'}>
          <line x1={tap.x * WIDTH} x2={tap.x * WIDTH} y1={STRIP_TOP - 10} y2={STRIP_TOP + STRIP_HEIGHT} />
          <circle cx={tap.x * WIDTH} cy={STRIP_TOP - 14} r={8} />
          <title>{`${tap.name}${fired === tap.name ? ': answered the last picture' : ''}`}</title>
        </g>
      ))}
      {layout.cuts.map((cut) => {
        const after = dragged?.volume === cut.volume ? dragged.after : cut.after
        const block = layout.blocks[after]
        const x = block === undefined ? cut.x * WIDTH : (block.x + block.width) * WIDTH
        return (
          <g
            key={cut.volume}
            class="cut"
            role="slider"
            tabIndex={0}
            aria-disabled={onMove === undefined}
            aria-label={`Cut after volume ${cut.volume + 1}`}
            aria-valuemin={0}
            aria-valuemax={model.segments.length - 2}
            aria-valuenow={after}
            aria-valuetext={`after ${cut.tensor}, ${bytes(cut.bytes)} at ${cut.wire.bits} bits`}
            onPointerDown={(event: PointerEvent & { currentTarget: SVGGElement }) => {
              if (onMove === undefined) return
              event.currentTarget.setPointerCapture(event.pointerId)
              setDragged({ volume: cut.volume, after: cut.after })
            }}
            onPointerMove={(event: PointerEvent) => {
              if (dragged?.volume !== cut.volume) return
              const { min, max } = bounds(cut.volume)
              const nearest = nearestEnd(layout.blocks, positionOf(event), min, max)
              if (nearest !== undefined) setDragged({ volume: cut.volume, after: nearest })
            }}
            onPointerUp={() => {
              if (dragged?.volume === cut.volume && dragged.after !== cut.after) move(cut, dragged.after)
              setDragged(undefined)
            }}
            onPointerCancel={() => setDragged(undefined)}
            onKeyDown={(event: KeyboardEvent) => {
              const step = STEPS[event.key] ?? 0
              if (step !== 0) event.preventDefault()
              const { min, max } = bounds(cut.volume)
              const next = cut.after + step
              if (step !== 0 && next > min && next < max) move(cut, next)
            }}
          >
            <rect class="cut-touch" x={x - 22} y={0} width={44} height={HEIGHT} />
            <line x1={x} x2={x} y1={STRIP_TOP - 6} y2={STRIP_TOP + STRIP_HEIGHT + 8} />
            <text x={Math.min(Math.max(x, 60), WIDTH - 60)} y={HEIGHT - 10} text-anchor="middle">
              {bytes(cut.bytes)} · {cut.wire.bottleneck ?? `${cut.wire.bits} bit`}
            </text>
          </g>
        )
      })}
    </svg>
  )
}

/** The plan with one cut moved, as a hand plan; undefined when a volume is sharded by rows (those are not drawn by hand). */
function movedCut(model: ModelView, plan: Plan, volume: number, after: number): HandPlan | undefined {
  const to = model.segments[after]?.to
  if (to === undefined) return undefined
  const hand: { device: DeviceId; to: string }[] = []
  for (const [index, each] of plan.volumes.entries()) {
    const device = each.shards[0]?.device
    if (device === undefined || each.shards.length > 1) return undefined
    if (index !== volume && staysOnDevice(plan, index)) continue
    hand.push({ device, to: index === volume ? to : each.to })
  }
  return hand
}

function Legend({ plan, mark }: { plan: Plan; mark: Marks }) {
  return (
    <ol class="legend" data-testid="legend">
      {plan.volumes
        .filter((_, index) => !staysOnDevice(plan, index))
        .map((volume) => (
          <li key={volume.to}>
            {volume.shards.map((shard) => (
              <span key={shard.device} class="legend-device">
                <Mark mark={mark(shard.device)} /> {mark(shard.device).name}
                {shard.rows !== undefined && ` rows ${shard.rows.start}–${shard.rows.end}`}
                <span class="hint"> {shard.backend}</span>
              </span>
            ))}
            <span class="hint"> up to {volume.to}</span>
          </li>
        ))}
    </ol>
  )
}
