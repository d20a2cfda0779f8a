import { defineConfig } from 'vitest/config'

/** `npm run soak` runs the long tests instead of the others. */
const isSoak = process.env['ROOMFUL_SOAK'] === '1'
const TESTS = [
  'packages/*/src/**/*.test.ts',
  'apps/*/src/**/*.test.{ts,tsx}',
  'signaling-server/src/**/*.test.ts',
  'scripts/**/*.test.ts',
  'e2e/rig/**/*.test.ts',
]
const SOAKS = [
  'packages/*/src/**/*.soak.ts',
  'apps/*/src/**/*.soak.ts',
  'signaling-server/src/**/*.soak.ts',
  'e2e/**/*.soak.ts',
]

export default defineConfig({
  test: {
    include: isSoak ? SOAKS : TESTS,
    testTimeout: isSoak ? 6 * 3600_000 : 60_000,
    maxWorkers: 2,
  },
})
