import 'fake-indexeddb/auto'
import { expect, it } from 'vitest'
import { openSettings } from './settings.ts'

it('keeps what another tab of the same browser has written meanwhile', async () => {
  const one = openSettings()
  const other = openSettings()
  await one.read()
  await other.read()
  await one.write({ name: 'Kitchen' })
  await other.write({ lending: true })
  expect(await one.read()).toEqual({ name: 'Kitchen', lending: true })
  expect(await openSettings().read()).toEqual({ name: 'Kitchen', lending: true })
})
