import { expect, test } from 'playwright/test'
import { generatedPicture } from '../rig/pictures.ts'
import { Rig } from '../rig/room.ts'

test('works over HTTP polling where WebSocket upgrades are refused', async () => {
  const rig = await Rig.start({ refuseUpgrade: true })
  try {
    const [asker] = await rig.join({ name: 'iPhone' }, { name: 'Laptop' })
    const request = await asker?.infer(generatedPicture(5), { cache: false })
    expect(request?.answer).toBeDefined()
  } finally {
    await rig.close()
  }
})
