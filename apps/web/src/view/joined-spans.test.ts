import type { DeviceId, Span } from 'roomful'
import { expect, it } from 'vitest'
import { joinedSpans } from './joined-spans.ts'

const device = 'phone' as DeviceId
const span = (kind: Span['kind'], startMs: number, endMs: number, more: Partial<Span> = {}): Span => ({
  device,
  kind,
  startMs,
  endMs,
  ...more,
})

it('shows the sessions of a stage as one span, without the waits between them that nobody can see', () => {
  const spans = Array.from({ length: 40 }, (_, i) => [
    span('queue', i * 10, i * 10 + 0.2, { volume: 0 }),
    span('compute', i * 10 + 0.2, i * 10 + 10, { volume: 0 }),
  ]).flat()
  expect(joinedSpans(spans, 400)).toEqual([span('compute', 0.2, 400, { volume: 0 })])
})

it('keeps apart what is of another kind, stage, receiver or exit, and what can be seen to be apart', () => {
  const spans = [
    span('compute', 0, 10, { volume: 0 }),
    span('exit', 10, 12, { exit: 'exit1' as never }),
    span('exit', 12, 14, { exit: 'exit2' as never }),
    span('compute', 14, 20, { volume: 1 }),
    span('queue', 20, 30, { volume: 1 }),
    span('compute', 30, 40, { volume: 1 }),
    span('transfer', 40, 50, { to: 'a' as DeviceId, bytes: 3 }),
    span('transfer', 40, 52, { to: 'b' as DeviceId, bytes: 4 }),
    span('transfer', 51, 60, { to: 'a' as DeviceId, bytes: 5 }),
  ]
  expect(joinedSpans(spans, 100)).toEqual(spans)
  expect(joinedSpans(spans, 400).filter(({ to }) => to === 'a')).toEqual([
    span('transfer', 40, 60, { to: 'a' as DeviceId, bytes: 8 }),
  ])
})
