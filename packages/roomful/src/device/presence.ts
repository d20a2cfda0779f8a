/** What the person or the system does with the device while it is in the room. */
export interface Presence {
  readonly visible: boolean
  readonly battery?: { readonly level: number; readonly charging: boolean }
}

interface BatteryManager extends EventTarget {
  readonly level: number
  readonly charging: boolean
}

/** Below this level an uncharged device stops lending. */
export const LOW_BATTERY = 0.2

/** Why lending pauses now, or undefined when nothing speaks against it. */
export function pauseReason(presence: Presence): string | undefined {
  if (!presence.visible) return 'the tab is hidden'
  const { battery } = presence
  if (battery !== undefined && !battery.charging && battery.level < LOW_BATTERY) return 'the battery is low'
  return undefined
}

/** Watches visibility and battery (Battery Status API, where the browser has it) until `signal` aborts. */
export function watchPresence(onChange: (presence: Presence) => void, signal: AbortSignal): Presence {
  let presence: Presence = { visible: document.visibilityState === 'visible' }
  const update = (change: Partial<Presence>) => {
    presence = { ...presence, ...change }
    onChange(presence)
  }
  document.addEventListener('visibilitychange', () => update({ visible: document.visibilityState === 'visible' }), {
    signal,
  })
  const { getBattery } = navigator as Navigator & { getBattery?: () => Promise<BatteryManager> }
  getBattery
    ?.call(navigator)
    .then((battery) => {
      const read = () => update({ battery: { level: battery.level, charging: battery.charging } })
      if (signal.aborted) return
      for (const event of ['levelchange', 'chargingchange']) battery.addEventListener(event, read, { signal })
      read()
    })
    .catch(() => {
      // A browser that refuses the Battery API is planned without it.
    })
  return presence
}
