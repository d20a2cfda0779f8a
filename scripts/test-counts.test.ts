import { describe, expect, it } from 'vitest'
import { countPlaywright, countUnittest, countVitest } from './test-counts.mjs'

describe('counting test results', () => {
  it('counts a Vitest file that could not be loaded as one failure, and skipped tests not at all', () => {
    const report = {
      testResults: [
        { status: 'passed', assertionResults: [{ status: 'passed' }, { status: 'pending' }] },
        { status: 'failed', assertionResults: [{ status: 'passed' }, { status: 'failed' }] },
        { status: 'failed', assertionResults: [] },
      ],
    }
    expect(countVitest(report)).toEqual({ passed: 2, failed: 2 })
  })

  it('counts flaky Playwright tests and broken runs as failed', () => {
    expect(countPlaywright({ stats: { expected: 3, unexpected: 1, flaky: 1, skipped: 2 }, errors: [] })).toEqual({
      passed: 3,
      failed: 2,
    })
    expect(countPlaywright({ stats: { expected: 0, unexpected: 0, flaky: 0 }, errors: [{}] }).failed).toBe(1)
  })

  it('reads the end of a unittest run', () => {
    expect(countUnittest('Ran 5 tests in 1.2s\n\nOK (skipped=2)\n', true)).toEqual({ passed: 3, failed: 0 })
    expect(countUnittest('Ran 5 tests in 1.2s\n\nFAILED (failures=1, errors=2)\n', false)).toEqual({
      passed: 2,
      failed: 3,
    })
    expect(countUnittest('Traceback ...', false)).toEqual({ passed: 0, failed: 1 })
  })
})
