import { deviceId } from '@roomful/core'
import { expect, it } from 'vitest'
import { meanSolo } from './solo.ts'

it('a solo time is the mean of before and after, or the one that there is', () => {
  const [phone, laptop, late] = [deviceId('phone'), deviceId('laptop'), deviceId('late')]
  const before = new Map([
    [phone, 300],
    [laptop, 50],
  ])
  const after = new Map([
    [phone, 400],
    [late, 80],
  ])
  expect(Object.fromEntries(meanSolo(before, after))).toEqual({ phone: 350, laptop: 50, late: 80 })
  expect(meanSolo(before, new Map())).toEqual(before)
})
