import { useState } from 'preact/hooks'
import type { HandPlan, RoomSnapshot } from 'roomful'
import { type DeviceId, deviceId } from 'roomful'
import { bytes } from './format.ts'

/** Draw a plan by hand: which device begins, up to where, and who goes on. */
export function HandPlanForm({ snapshot, onPlan }: { snapshot: RoomSnapshot; onPlan: (plan: HandPlan) => void }) {
  const model = snapshot.model
  const devices = [
    { id: snapshot.self.id, name: 'this device' },
    ...snapshot.peers
      .filter((peer) => peer.link === 'connected' && peer.profile.lending)
      .map((peer) => ({ id: peer.profile.id, name: peer.profile.name })),
  ]
  const [first, setFirst] = useState<DeviceId>(snapshot.self.id)
  const [second, setSecond] = useState<DeviceId>()
  const [cut, setCut] = useState('')
  if (model === undefined || snapshot.role === 'observer') return null
  const last = model.segments.at(-1)?.to
  if (last === undefined) return null
  const chosen = second ?? devices[1]?.id ?? snapshot.self.id
  const submit = (event: Event) => {
    event.preventDefault()
    onPlan(
      cut === ''
        ? [{ device: first, to: last }]
        : [
            { device: first, to: cut },
            { device: chosen, to: last },
          ],
    )
  }
  const options = devices.map((device) => (
    <option key={device.id} value={device.id}>
      {device.name}
    </option>
  ))
  return (
    <details class="by-hand">
      <summary>Plan by hand</summary>
      <form onSubmit={submit}>
        <label>
          Begin on
          <select name="first" value={first} onChange={(event) => setFirst(deviceId(event.currentTarget.value))}>
            {options}
          </select>
        </label>
        <label>
          up to
          <select name="cut" value={cut} onChange={(event) => setCut(event.currentTarget.value)}>
            <option value="">the end</option>
            {model.segments.slice(0, -1).map((segment) => (
              <option key={segment.to} value={segment.to}>
                {segment.to} ({bytes(segment.bytes / 4)} at 8 bit)
              </option>
            ))}
          </select>
        </label>
        <label>
          then
          <select
            name="second"
            value={chosen}
            disabled={cut === ''}
            onChange={(event) => setSecond(deviceId(event.currentTarget.value))}
          >
            {options}
          </select>
        </label>
        <button type="submit">Use this plan</button>
      </form>
    </details>
  )
}
