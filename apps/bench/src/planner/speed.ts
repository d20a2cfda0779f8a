import { type ChainLayer, chainModel, planWith, vggModel } from '@roomful/planner'
import { type DeviceClass, roomOf } from './rooms.ts'

export interface PlanningTime {
  readonly what: string
  readonly medianMs: number
  /** Processor time of the process, for busy machines. */
  readonly medianCpuMs: number
  readonly budgetMs: number
}

/** A residual-class chain with 20 cuts, and VGG-16 (20 cuts as well, many more rows). */
function twentyCuts() {
  const layers: ChainLayer[] = [{ kind: 'conv', channels: 32, kernel: 3, stride: 2 }]
  for (let i = 0; i < 18; i++) {
    layers.push(
      i % 5 === 4 ? { kind: 'pool', kernel: 2 } : { kind: 'conv', channels: 48 + 16 * Math.floor(i / 5), kernel: 3 },
    )
  }
  layers.push({ kind: 'dense', units: 10 })
  return chainModel({ name: 'twenty cuts', input: [3, 160, 160], layers })
}

/** Times `auto` in rooms of 8 and 16 unlike devices, warm. */
export async function planningTimes(repeats: number): Promise<PlanningTime[]> {
  const classes: readonly DeviceClass[] = ['slow', 'medium', 'fast', 'fastest']
  const out: PlanningTime[] = []
  for (const [count, budgetMs] of [
    [8, 50],
    [16, 500],
  ] as const) {
    const room = roomOf(
      Array.from({ length: count }, (_, i) => classes[i % 4] as DeviceClass),
      100,
    )
    for (const [name, model] of [
      ['a chain of 20 cuts', twentyCuts()],
      ['VGG-16', vggModel('vgg16')],
    ] as const) {
      const wall: number[] = []
      const cpu: number[] = []
      for (let i = 0; i < repeats + 3; i++) {
        const startMs = performance.now()
        const before = process.cpuUsage()
        await planWith('auto', model, room.topology, room.predictor)
        const { user, system } = process.cpuUsage(before)
        if (i < 3) continue
        wall.push(performance.now() - startMs)
        cpu.push((user + system) / 1000)
      }
      out.push({ what: `${count} devices, ${name}`, medianMs: median(wall), medianCpuMs: median(cpu), budgetMs })
    }
  }
  return out
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0
}
