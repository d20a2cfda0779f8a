import { test as base } from 'playwright/test'
import { Rig } from './room.ts'

export { expect } from 'playwright/test'

/** Gives each test a room of its own and ends every process of it afterwards. */
export const test = base.extend<{ rig: Rig }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads a fixture's needs from the pattern
  rig: async ({}, use) => {
    const rig = await Rig.start()
    try {
      await use(rig)
    } finally {
      await rig.close()
    }
  },
})
