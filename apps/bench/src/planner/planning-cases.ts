import { type ChainLayer, chainModel, type PlannableModel, planWith, vggModel } from '@roomful/planner'
import { type DeviceClass, roomOf } from './rooms.ts'

export interface PlanningCase {
  readonly what: string
  readonly devices: number
  readonly model: () => PlannableModel
  readonly budgetMs: number
}

const NETS = [
  { name: 'a chain of 20 cuts', model: twentyCuts },
  { name: 'VGG-16', model: () => vggModel('vgg16') },
] as const

/** 8 devices are to be planned for in 50 ms, 16 in 500. */
export const PLANNING_CASES: readonly PlanningCase[] = [
  { devices: 8, budgetMs: 50 },
  { devices: 16, budgetMs: 500 },
].flatMap(({ devices, budgetMs }) =>
  NETS.map(({ name, model }) => ({ what: `${devices} devices, ${name}`, devices, model, budgetMs })),
)

/** Milliseconds of one plan by `auto`; model and room are new. */
export async function planOnce({ devices, model }: PlanningCase): Promise<number> {
  const classes: readonly DeviceClass[] = ['slow', 'medium', 'fast', 'fastest']
  const { topology, predictor } = roomOf(
    Array.from({ length: devices }, (_, i) => classes[i % 4] as DeviceClass),
    100,
  )
  const net = model()
  const startMs = performance.now()
  await planWith('auto', net, topology, predictor)
  return performance.now() - startMs
}

/** A residual-class chain with 20 cuts (VGG-16 has as many, and more rows). */
function twentyCuts(): PlannableModel {
  const layers: ChainLayer[] = [{ kind: 'conv', channels: 32, kernel: 3, stride: 2 }]
  for (let i = 0; i < 18; i++) {
    layers.push(
      i % 5 === 4 ? { kind: 'pool', kernel: 2 } : { kind: 'conv', channels: 48 + 16 * Math.floor(i / 5), kernel: 3 },
    )
  }
  layers.push({ kind: 'dense', units: 10 })
  return chainModel({ name: 'twenty cuts', input: [3, 160, 160], layers })
}
