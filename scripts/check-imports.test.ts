import { describe, expect, it } from 'vitest'
import { importsOf, violations } from './check-imports.mjs'
import { isAllowed } from './check-licences.mjs'

const manifest = (...dependencies: string[]) => ({
  name: '@roomful/graph',
  dependencies: new Set(dependencies),
  devDependencies: new Set(['vitest']),
})
const check = (text: string, file = 'packages/graph/src/a.ts') =>
  violations('packages/graph', file, text, manifest('@roomful/core', '@roomful/planner'))

describe('the import check', () => {
  it('finds static, re-exporting, side-effect and dynamic imports, and none in comments and strings', () => {
    const text = `
      import { a,
        b } from '@roomful/core'
      export * from './b.ts'
      import 'side-effect'
      const c = await import('./c.ts')
      // import 'commented'
      /* import 'commented too' */
      const s = "from 'nowhere'"`
    expect(importsOf(text).sort()).toEqual(['./b.ts', './c.ts', '@roomful/core', 'side-effect'])
  })

  it('accepts what stands above in the house plan and refuses what stands below', () => {
    expect(check("import { a } from '@roomful/core'")).toEqual([])
    expect(check("import { a } from '@roomful/planner'")).toHaveLength(1)
  })

  it('lets tests import anything they declare', () => {
    expect(check("import { it } from 'vitest'", 'packages/graph/src/a.test.ts')).toEqual([])
    expect(check("import { it } from 'vitest'")).toHaveLength(1)
  })

  it('refuses node modules in packages that run in browsers, relative ways out, and the own barrel', () => {
    expect(check("import fs from 'node:fs'")).toHaveLength(1)
    expect(check("import { a } from '../../core/src/ids.ts'")).toHaveLength(1)
    expect(check("import { a } from './index.ts'")).toHaveLength(1)
  })
})

describe('the licence check', () => {
  it('reads SPDX expressions', () => {
    expect(isAllowed('MIT')).toBe(true)
    expect(isAllowed('(MIT OR GPL-3.0-or-later)')).toBe(true)
    expect(isAllowed('MIT AND GPL-3.0-only')).toBe(false)
    expect(isAllowed('unknown')).toBe(false)
  })
})
