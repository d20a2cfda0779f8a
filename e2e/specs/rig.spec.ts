import { expect, test } from '../rig/fixture.ts'
import { generatedPicture } from '../rig/pictures.ts'

test('the way to the signalling server is cut, restored and delayed, and the room goes on', async ({ rig }) => {
  const [asker, helper] = await rig.join({ name: 'Asker' }, { name: 'Helper' })
  if (asker === undefined || helper === undefined) throw new Error('no devices')
  rig.signalling.cut()
  for (const device of [asker, helper]) {
    await device.until('signalling is missed', (snapshot) => snapshot.signalling === 'reconnecting')
  }
  expect((await asker.infer(generatedPicture(1), { cache: false })).answer).toBeDefined()
  rig.signalling.restore()
  for (const device of [asker, helper]) {
    await device.until('signalling is back', (snapshot) => snapshot.signalling === 'connected')
  }
  rig.signalling.delay(150)
  const late = await rig.open({ name: 'Late' })
  await late.ready(2)
  expect((await late.snapshot()).peers.map((peer) => peer.profile.name).sort()).toEqual(['Asker', 'Helper'])
})

test('a device is hidden and shown, frozen and thawed, and the others see it', async ({ rig }) => {
  const [asker, helper] = await rig.join({ name: 'Asker' }, { name: 'Helper' })
  if (asker === undefined || helper === undefined) throw new Error('no devices')
  await helper.setVisible(false)
  await asker.until('the helper is away', ({ peers }) => peers.some(({ profile }) => !profile.visible))
  await helper.setVisible(true)
  await asker.until('the helper is back', ({ peers }) => peers.every(({ profile }) => profile.visible))
  helper.freeze()
  await asker.until('the helper is silent', ({ peers }) => peers.every(({ link }) => link !== 'connected'))
  helper.thaw()
  await asker.until('the helper is heard again', ({ peers }) => peers.some(({ link }) => link === 'connected'))
})
