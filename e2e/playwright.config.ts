import { defineConfig } from 'playwright/test'

/** One room at a time: a room is several browsers, and two cores carry no more. Retries would hide what is broken. */
export default defineConfig({
  testDir: 'specs',
  outputDir: '../test-results',
  workers: 1,
  retries: 0,
  timeout: 300_000,
  expect: { timeout: 30_000 },
})
