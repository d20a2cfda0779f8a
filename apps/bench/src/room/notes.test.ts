import { expect, it } from 'vitest'
import { FULL, QUICK } from './extent.ts'
import { notesOf, type RunFacts } from './notes.ts'

const CALM: RunFacts = {
  remarks: [],
  quick: false,
  extent: FULL,
  planNotes: [],
  without: [],
  failed: new Map(),
  blocks: FULL.blocks,
  pictures: { wanted: 800, distinct: 800, labelled: true },
  cpuShares: 'cgroup',
  coldLinks: 0,
  unsettledSolo: 0,
  restless: false,
  large: false,
  silent: [],
  alone: [],
  left: [],
  drift: {},
  streamed: true,
  unsettled: 0,
  loadBefore: 0.2,
  cores: 2,
  rows: [],
  played: undefined,
}

it('a full run in which all went well needs no notes', () => {
  expect(notesOf(CALM)).toEqual([])
})

it('a method that has no row is named with its reason', () => {
  const notes = notesOf({
    ...CALM,
    quick: true,
    extent: QUICK,
    blocks: 1,
    planNotes: ['modnn: no plan: too little memory'],
    without: ['coedge'],
    failed: new Map([['strips', 'in block 2: deadline']]),
    pictures: { wanted: 240, distinct: 231, labelled: true },
    cpuShares: 'cdp',
    streamed: false,
    left: ['strips: measured in 1 block only (4.0 x the best rival)'],
    drift: { phone: 1.4, laptop: 1.1 },
  }).join('\n')
  for (const words of [
    /^modnn: no plan: too little memory$/m,
    /^not measured in a quick run: .*\bdistredge\b/m,
    /^left out with a net of this size: coedge$/m,
    /^strips: ended in block 2: deadline/m,
    /^1 of 3 blocks/m,
    /^231 pictures for 240/m,
    /^CPU shares by cdp/m,
    /^streams: not measured/m,
    /^strips: measured in 1 block only/m,
    /^phone alone took 1.40 x as long after/m,
  ]) {
    expect(notes).toMatch(words)
  }
  expect(notes).not.toMatch(/^laptop/m)
})
