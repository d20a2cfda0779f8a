// Child processes with a time limit; the whole tree of a child ends with it.
import { spawn } from 'node:child_process'

/**
 * @typedef {object} ChildResult
 * @property {number | null} code exit code; null when a signal ended it
 * @property {boolean} timedOut
 * @property {string} output what it wrote, when captured (the last 4 MB)
 */

/**
 * Runs a command to its end.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, timeoutMs: number, capture?: boolean, env?: NodeJS.ProcessEnv }} options `capture` also keeps
 *   the output
 * @returns {Promise<ChildResult>}
 */
export function runChild(command, args, { cwd, timeoutMs, capture = false, env = process.env }) {
  return new Promise((resolve) => {
    const child = spawn(command, [...args], {
      cwd,
      env,
      detached: process.platform !== 'win32',
      stdio: ['ignore', capture ? 'pipe' : 'inherit', capture ? 'pipe' : 'inherit'],
    })
    let output = ''
    let timedOut = false
    const take = (/** @type {NodeJS.WriteStream} */ to) => (/** @type {Buffer} */ chunk) => {
      output = (output + chunk).slice(-4_000_000)
      to.write(chunk)
    }
    child.stdout?.on('data', take(process.stdout))
    child.stderr?.on('data', take(process.stderr))
    const kill = () => endTree(child)
    const timer = setTimeout(() => {
      timedOut = true
      kill()
    }, timeoutMs)
    process.on('exit', kill)
    const forward = () => {
      kill()
      process.exit(130)
    }
    process.on('SIGINT', forward)
    process.on('SIGTERM', forward)
    const end = (/** @type {number | null} */ code) => {
      clearTimeout(timer)
      process.off('exit', kill)
      process.off('SIGINT', forward)
      process.off('SIGTERM', forward)
      resolve({ code, timedOut, output })
    }
    child.on('error', (error) => {
      console.error(`${command}: ${error.message}`)
      end(127)
    })
    child.on('close', end)
  })
}

/** @param {import('node:child_process').ChildProcess} child */
function endTree(child) {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  try {
    // A child of its own process group: the group ends with it.
    if (process.platform === 'win32') child.kill('SIGKILL')
    else process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It ended meanwhile.
  }
}
