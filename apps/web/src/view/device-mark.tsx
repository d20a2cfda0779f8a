import type { DeviceId, RoomSnapshot } from 'roomful'

/** Okabe-Ito: told apart under the common colour-vision deficiencies; each device carries a letter besides. */
const COLOURS = [
  { colour: '#0072b2', ink: '#ffffff' },
  { colour: '#d55e00', ink: '#000000' },
  { colour: '#009e73', ink: '#000000' },
  { colour: '#cc79a7', ink: '#000000' },
  { colour: '#56b4e9', ink: '#000000' },
  { colour: '#e69f00', ink: '#000000' },
  { colour: '#8c6bb1', ink: '#000000' },
  { colour: '#b8a800', ink: '#000000' },
] as const
const UNKNOWN: DeviceMark = { letter: '?', colour: '#999999', ink: '#000000', name: 'a device that left' }

export interface DeviceMark {
  readonly letter: string
  readonly colour: string
  /** The letter's colour: at least 4.5:1 on `colour`. */
  readonly ink: string
  readonly name: string
}

/** Letter and colour of every device: this one is A, the others follow in the order of their ids. */
export function deviceMarks(snapshot: RoomSnapshot): (id: DeviceId) => DeviceMark {
  const marks = new Map<DeviceId, DeviceMark>()
  const add = (id: DeviceId, name: string) => {
    const index = marks.size
    const letter = index < 26 ? String.fromCharCode(65 + index) : String(index + 1)
    marks.set(id, { ...(COLOURS[index % COLOURS.length] ?? COLOURS[0]), letter, name })
  }
  add(snapshot.self.id, snapshot.self.name)
  const peers = [...snapshot.peers].sort((a, b) => (a.profile.id < b.profile.id ? -1 : 1))
  for (const peer of peers) add(peer.profile.id, peer.profile.name)
  return (id) => marks.get(id) ?? UNKNOWN
}

export function Mark({ mark }: { mark: DeviceMark }) {
  return (
    <span class="mark" style={{ background: mark.colour, color: mark.ink }} title={mark.name}>
      {mark.letter}
    </span>
  )
}
