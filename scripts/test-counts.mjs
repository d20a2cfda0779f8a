// How many tests passed and failed, from the reports of the test runners. Skipped tests count as neither.

/** @typedef {{ passed: number, failed: number }} Counts */

/**
 * Vitest's JSON report. A file that could not be loaded has no tests and counts as one failure.
 * @param {any} report
 * @returns {Counts}
 */
export function countVitest(report) {
  const counts = { passed: 0, failed: 0 }
  for (const file of report.testResults) {
    const states = file.assertionResults.map((/** @type {{ status: string }} */ test) => test.status)
    const failed = states.filter((/** @type {string} */ state) => state === 'failed').length
    counts.passed += states.filter((/** @type {string} */ state) => state === 'passed').length
    counts.failed += file.status === 'failed' && failed === 0 ? 1 : failed
  }
  return counts
}

/**
 * Playwright's JSON report; a test that passed only when repeated counts as failed.
 * @param {any} report
 * @returns {Counts}
 */
export function countPlaywright(report) {
  const { expected, unexpected, flaky } = report.stats
  const broken = report.errors.length > 0 && unexpected === 0 ? 1 : 0
  return { passed: expected, failed: unexpected + flaky + broken }
}

/**
 * What Python's unittest prints at its end: `Ran 5 tests in 3.1s`, then `OK (skipped=1)` or `FAILED (failures=1, errors=2)`.
 * @param {string} output
 * @param {boolean} succeeded
 * @returns {Counts}
 */
export function countUnittest(output, succeeded) {
  const number = (/** @type {RegExp} */ pattern) => Number(pattern.exec(output)?.[1] ?? 0)
  const ran = number(/^Ran (\d+) tests?/m)
  const verdict = /^(?:OK|FAILED)(?: \(.*\))?$/m.exec(output)?.[0] ?? ''
  const among = (/** @type {string} */ name) => Number(new RegExp(`${name}=(\\d+)`).exec(verdict)?.[1] ?? 0)
  const failed = among('failures') + among('errors') + among('unexpected successes')
  const passed = Math.max(0, ran - failed - among('skipped') - among('expected failures'))
  return !succeeded && failed === 0 ? { passed, failed: 1 } : { passed, failed }
}
