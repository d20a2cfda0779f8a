import { type ChainLayer, chainModel } from './chain.ts'
import type { PlannableModel } from './plannable.ts'

const VGG_BLOCKS = { vgg16: [2, 2, 3, 3, 3], vgg19: [2, 2, 4, 4, 4] } as const
const VGG_CHANNELS = [64, 128, 256, 512, 512] as const

/** VGG-16 or VGG-19 at 224 x 224 as a chain; `convolutionsOnly` leaves the three dense layers out. */
export function vggModel(name: keyof typeof VGG_BLOCKS, convolutionsOnly = false): PlannableModel {
  const layers: ChainLayer[] = []
  for (const [block, count] of VGG_BLOCKS[name].entries()) {
    for (let i = 0; i < count; i++) layers.push({ kind: 'conv', channels: VGG_CHANNELS[block] as number, kernel: 3 })
    layers.push({ kind: 'pool', kernel: 2 })
  }
  if (!convolutionsOnly) for (const units of [4096, 4096, 1000]) layers.push({ kind: 'dense', units })
  return chainModel({ name, input: [3, 224, 224], layers })
}
