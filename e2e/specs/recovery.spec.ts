import { expect, test } from '../rig/fixture.ts'
import { generatedPicture } from '../rig/pictures.ts'

test('a helper that dies in the middle of a request costs no answer', async ({ rig }) => {
  const [asker, helper] = await rig.join({ name: 'Asker' }, { name: 'Helper' })
  if (asker === undefined || helper === undefined) throw new Error('no devices')
  const { self, model } = await asker.snapshot()
  const last = model?.segments.at(-1)?.to ?? ''
  const expected = await asker.infer(generatedPicture(1), { cache: false })
  await asker.planByHand([
    { device: self.id, to: 'stem' },
    { device: (await helper.snapshot()).self.id, to: last },
  ])
  await asker.infer(generatedPicture(2), { cache: false })
  // Frozen first, so that the request is under way and stuck when the process dies.
  helper.freeze()
  const asked = asker.infer(generatedPicture(1), { cache: false, deadlineMs: 20_000 })
  await new Promise((resolve) => setTimeout(resolve, 100))
  await rig.kill(helper)
  const { answer, trace } = await asked
  expect(answer?.label).toBe(expected.answer?.label)
  expect(trace.recovered).toBeDefined()
  // The room goes on alone.
  await asker.until('the helper is gone', (snapshot) => snapshot.peers.every((peer) => peer.link !== 'connected'))
  expect((await asker.infer(generatedPicture(3), { cache: false })).answer).toBeDefined()
})

test('running links outlive the signalling server, and its restart refills the registry', async ({ rig }) => {
  const [asker, helper] = await rig.join({ name: 'Asker' }, { name: 'Helper' })
  if (asker === undefined || helper === undefined) throw new Error('no devices')
  const { self, model } = await asker.snapshot()
  const helperId = (await helper.snapshot()).self.id
  await asker.planByHand([
    { device: self.id, to: 'stem' },
    { device: helperId, to: model?.segments.at(-1)?.to ?? '' },
  ])
  await rig.restartServer(async () => {
    await asker.until('signalling is missed', (snapshot) => snapshot.signalling === 'reconnecting')
    const { trace } = await asker.infer(generatedPicture(4), { cache: false })
    expect(trace.spans.some((span) => span.device === helperId)).toBe(true)
  })
  await asker.until('signalling is back', (snapshot) => snapshot.signalling === 'connected')
  const late = await rig.open({ name: 'Late' })
  await late.ready(2)
  expect((await asker.snapshot()).self.id).toBe(self.id)
})

test('a device that reloads its page comes back into the same room', async ({ rig }) => {
  const [asker, helper] = await rig.join({ name: 'Asker' }, { name: 'Helper' })
  if (asker === undefined || helper === undefined) throw new Error('no devices')
  await helper.page.reload()
  await helper.page.waitForFunction(() => globalThis.roomful !== undefined)
  await helper.ready(1)
  await asker.ready(1)
  const { self } = await helper.snapshot()
  expect(self.name).toBe('Helper')
  await asker.until('the new link is up', (snapshot) =>
    snapshot.peers.some((peer) => peer.profile.id === self.id && peer.link === 'connected'),
  )
})
