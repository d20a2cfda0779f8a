import type { Device } from '../rig/device.ts'
import { expect, test } from '../rig/fixture.ts'
import { somePictures } from '../rig/plan-asking.ts'
import { practiceProblems, practiceWords } from '../rig/practice-checks.ts'

/**
 * The mechanics in a real room, whatever comes out: in quiet moments the agent trains, what it has learned is compared with the plan
 * in use, tried beside it on the pictures of the last requests, and adopted only when it is measured better.
 */
test('practice comes to a verdict in a room of four unequal devices', async ({ rig }) => {
  const [asker] = await rig.join(
    { name: 'Asker', cpu: { cores: 0.6 } },
    { name: 'Laptop', cpu: { cores: 1 } },
    { name: 'Tablet', cpu: { cores: 0.5 } },
    { name: 'Phone', cpu: { cores: 0.4 } },
  )
  if (asker === undefined) throw new Error('nobody is in the room')
  const [picture] = somePictures(1)
  if (picture === undefined) throw new Error('no picture')
  await asker.infer(picture, { cache: false })
  const { plan: before } = await asker.snapshot()
  const snapshot = await asker.until('what the agent learned is decided on', ({ practice }) =>
    (practice?.trials ?? []).some(({ by }) => by === 'learning'),
  )
  const { practice } = snapshot
  if (practice === undefined) throw new Error('nothing was practised')
  console.log(`${before?.words[0]} (${before?.plan.method}) is in use; ${practiceWords(practice)}`)
  expect(practiceProblems(snapshot)).toEqual([])
  // The best that is known never becomes worse from one episode to the next.
  expect(practice.curve.length).toBeGreaterThan(0)
  expect(practice.curve).toEqual(practice.curve.toSorted((a, b) => b - a))
  // The page tells it too.
  const last = practice.trials.at(-1)
  await expect(asker.page.getByRole('list', { name: 'Plans found in practice' })).toContainText(last?.reason ?? '')
  expect((await asker.infer(picture, { cache: false })).answer).toBeDefined()
  // What the requests have taught the device about itself is kept for its next visit by now, or soon.
  await expect
    .poll(() => keptLearning(asker), { timeout: 40_000 })
    .toMatchObject({ version: 1, ofOneBackend: { factor: expect.any(Number), loaded: expect.any(Array) } })
})

/** What the browser's storage holds of this device's learning, of the engine that has run first (which is faster here was measured). */
function keptLearning({ page }: Device): Promise<unknown> {
  return page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const opening = indexedDB.open('roomful-settings')
        opening.onerror = () => reject(opening.error)
        opening.onsuccess = () => {
          const reading = opening.result.transaction('settings').objectStore('settings').get('settings')
          reading.onerror = () => reject(reading.error)
          reading.onsuccess = () => {
            opening.result.close()
            const { version, backends = {} } = reading.result?.learned ?? {}
            resolve({ version, ofOneBackend: Object.values(backends)[0] })
          }
        }
      }),
  )
}
