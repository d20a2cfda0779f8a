// Checks that every production dependency has a licence that an MIT-licensed work may be shipped with.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const ALLOWED = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Python-2.0',
  'Unlicense',
  'Zlib',
])

const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * Whether an SPDX expression can be met with allowed licences: any side of an OR, all sides of an AND.
 * @param {string} expression
 * @returns {boolean}
 */
export function isAllowed(expression) {
  const plain = expression.replace(/[()]/g, ' ').trim()
  return plain.split(/\s+OR\s+/).some((choice) => choice.split(/\s+AND\s+/).every((id) => ALLOWED.has(id.trim())))
}

/**
 * @param {string} place of a package in node_modules
 * @param {{ license?: unknown }} entry of the lock file
 * @returns {string}
 */
function licenceOf(place, entry) {
  if (typeof entry.license === 'string') return entry.license
  try {
    const { license, licenses } = JSON.parse(readFileSync(path.join(root, place, 'package.json'), 'utf8'))
    const all = [license, licenses].flat().filter((one) => one !== undefined)
    return all.map((one) => (typeof one === 'string' ? one : one.type)).join(' OR ') || 'unknown'
  } catch {
    return 'unknown'
  }
}

function main() {
  const { packages } = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'))
  let checked = 0
  const refused = []
  for (const [place, entry] of Object.entries(packages)) {
    if (!place.includes('node_modules/') || entry.dev === true || entry.link === true) continue
    checked++
    const licence = licenceOf(place, entry)
    if (!isAllowed(licence)) refused.push(`${place}: ${licence}`)
  }
  for (const line of refused) console.error(`licence not allowed: ${line}`)
  console.log(`licences: ${checked} production dependencies, ${refused.length} not allowed`)
  process.exitCode = refused.length === 0 ? 0 : 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()
