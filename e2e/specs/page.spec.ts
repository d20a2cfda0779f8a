import path from 'node:path'
import axeCore, { type AxeResults } from 'axe-core'
import type { Device } from '../rig/device.ts'
import { expect, test } from '../rig/fixture.ts'
import { REPOSITORY } from '../rig/room.ts'

const SHOTS = path.join(REPOSITORY, 'test-results', 'shots')

/** Serious and critical findings of axe-core on the page as it stands. */
async function axe(device: Device) {
  await device.page.evaluate(axeCore.source)
  const { violations } = await device.page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  )
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => ({ id, targets: nodes.map((node) => node.target.join(' ')) }))
}

test('the test pattern runs, claims no label, and shows split and latency', async ({ rig }) => {
  const [asker, helper] = await rig.join({ name: 'Phone' }, { name: 'Laptop' })
  if (asker === undefined || helper === undefined) throw new Error('no devices')
  const { self, model } = await asker.snapshot()
  await asker.planByHand([
    { device: self.id, to: model?.exits[0]?.at ?? '' },
    { device: (await helper.snapshot()).self.id, to: model?.segments.at(-1)?.to ?? '' },
  ])
  await asker.page.getByRole('button', { name: 'Test pattern' }).click()
  const snapshot = await asker.until('ten frames', ({ requests }) => requests.length >= 10)
  expect(snapshot.requests.every((request) => request.answer === undefined)).toBe(true)
  await expect(asker.page.getByTestId('label')).toHaveText('Test pattern: no label claimed')
  await expect(asker.page.getByTestId('latency-line')).toContainText('room')
  await asker.page.getByRole('button', { name: 'Stop' }).click()
  // Charts have a pace of their own.
  await expect(asker.page.getByTestId('figure-answered')).not.toHaveText('0')
  await expect(asker.page.locator('.bars canvas')).toBeVisible()
  await asker.page.screenshot({ path: path.join(SHOTS, 'wide.png'), fullPage: true })
  expect(await axe(asker)).toEqual([])
})

test('fits a phone of 390 px: one column, nothing cut off, everything large enough to touch', async ({ rig }) => {
  const phone = await rig.open({ name: 'Phone', viewport: { width: 390, height: 844 } })
  await phone.ready(0)
  const { page } = phone
  for (const tab of ['Split', 'Room', 'Time']) {
    await page.getByRole('tab', { name: tab }).click()
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    expect(overflow).toBeLessThanOrEqual(0)
    const small = await page.evaluate(() =>
      [...document.querySelectorAll('button, select, summary')]
        .filter((element) => element.getClientRects().length > 0 && element.getBoundingClientRect().height < 44)
        .map((element) => element.textContent),
    )
    expect(small).toEqual([])
    await page.screenshot({ path: path.join(SHOTS, `phone-${tab}.png`), fullPage: true })
    expect(await axe(phone)).toEqual([])
  }
})

test('says in one sentence what is wrong with a bad file, and goes on', async ({ rig }) => {
  const device = await rig.open({ name: 'Phone' })
  await device.ready(0)
  const file = device.page.getByTestId('file')
  await file.setInputFiles({ name: 'notes.png', mimeType: 'image/png', buffer: Buffer.from('not a picture') })
  await expect(device.page.locator('.trouble')).toContainText('not a picture')
  await file.setInputFiles({
    name: 'broken.onnx',
    mimeType: 'application/octet-stream',
    buffer: Buffer.from('no model'),
  })
  await expect(device.page.locator('.trouble')).toContainText('cannot be used')
  const after = await device.snapshot()
  expect(after.modelState).toBe('ready')
  expect(after.model?.name).toBe('imagenette')
  await device.page.getByRole('button', { name: 'Test pattern' }).click()
  await device.until('a frame', ({ requests }) => requests.length > 0)
})

test('the invite dialog shows a QR code of a link that joins the same room', async ({ rig }) => {
  const device = await rig.open({ name: 'Phone' })
  await device.page.getByRole('button', { name: 'Invite' }).click()
  await expect(device.page.getByRole('img', { name: 'QR code of the invite link' })).toBeVisible()
  const link = await device.page.getByRole('textbox', { name: 'Invite link' }).inputValue()
  expect(new URL(link).hash).toBe(new URL(rig.invite).hash)
  expect(new URL(link).search).toBe('')
  await device.page.getByRole('button', { name: 'Close' }).click()
})

test('an observer watches the room and computes nothing', async ({ rig }) => {
  const [asker] = await rig.join({ name: 'Phone' })
  if (asker === undefined) throw new Error('no device')
  const observer = await rig.open({ name: 'Projector', observer: true })
  await observer.ready(1)
  await asker.page.getByRole('button', { name: 'Test pattern' }).click()
  const seen = await observer.until('requests of the room', ({ requests }) => requests.length > 2)
  expect(seen.plan).toBeDefined()
  expect(seen.self.backends).toEqual([])
  expect(seen.self.lending).toBe(false)
  await asker.page.getByRole('button', { name: 'Stop' }).click()
  await observer.page.screenshot({ path: path.join(SHOTS, 'observer.png'), fullPage: true })
})

test('leaving ends the links and offers to join again', async ({ rig }) => {
  const [stays, leaves] = await rig.join({ name: 'Stays' }, { name: 'Leaves' })
  if (stays === undefined || leaves === undefined) throw new Error('no devices')
  await leaves.page.getByRole('button', { name: 'Leave' }).click()
  await expect(leaves.page.getByText('You left the room')).toBeVisible()
  await stays.until('the other is gone', ({ peers }) => peers.every((peer) => peer.link !== 'connected'))
})
