import { seededRandom } from '@roomful/core'
import type { AloneBeside } from './alone/beside.ts'
import type { Attempts } from './attempts.ts'
import { BlockRun } from './block-run.ts'
import type { EmulatedRoom } from './emulated-room.ts'
import type { Extent } from './extent.ts'
import type { BenchPictures } from './picture-stream.ts'
import type { PictureSupply } from './picture-supply.ts'
import type { PlannedRun } from './planned-run.ts'
import type { RunTime } from './run-time.ts'
import { nextBlock, sittingOut } from './sitting-out.ts'

export interface MeasuredBlocks {
  readonly run: BlockRun
  readonly blocks: number
  /** Who left after which block, a sentence each. */
  readonly left: readonly string[]
}

export interface BlocksContext {
  readonly room: EmulatedRoom
  readonly planned: PlannedRun
  readonly pictures: BenchPictures
  readonly supply: PictureSupply
  readonly extent: Extent
  readonly alone: AloneBeside
  readonly seed: number
  /** For what follows the blocks whatever happens, ms; and for the solo loops after them. */
  readonly reservedMs: number
  readonly afterMs: number
  readonly attempts: Attempts
  readonly time: RunTime
  readonly signal?: AbortSignal | undefined
}

/** Step 6 of METHODOLOGY.md: as many blocks as fit into the time, the methods of each in an order drawn anew. */
export async function measuredBlocks(context: BlocksContext): Promise<MeasuredBlocks> {
  const { room, planned, pictures, supply, extent, alone, seed, attempts, time, signal } = context
  const { plans, picturesPerBlock } = planned
  const random = seededRandom(seed)
  const run = new BlockRun(room, plans, { pictures, perBlock: picturesPerBlock, extent, seed, alone: alone.page })
  const left: string[] = []
  let blocks = 0
  for (; blocks < extent.blocks; blocks++) {
    const startMs = performance.now()
    if (blocks > 0) {
      // The second block is worth more than solo loops after it, the third is not.
      const remainingMs = time.remainingMs(context.reservedMs) - (blocks > 1 ? context.afterMs : 0)
      const { goOn, leave } = nextBlock({
        plans,
        measured: run.measured,
        turnMs: run.turnMs,
        remainingMs,
        above: extent.sitOutAbove,
      })
      if (goOn.length === 0) break
      left.push(...leave.map((one) => sittingOut(one, blocks)))
      run.sitOut(leave.map(({ method }) => method))
    }
    const measure = async () => {
      await supply.upTo((blocks + 1) * picturesPerBlock, room, alone.page)
      await run.block(blocks, random, signal)
      return true
    }
    // Without a first block there is nothing that would stand.
    const measured = blocks === 0 ? await measure() : await attempts.at(`block ${blocks + 1}`, measure)
    if (measured !== true) break
    time.say(`block ${blocks + 1} of ${extent.blocks} in ${((performance.now() - startMs) / 1000).toFixed(0)} s`)
  }
  return { run, blocks, left }
}
