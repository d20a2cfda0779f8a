import type { DeviceProfile } from '@roomful/core'
import type { SnapshotStore } from '../view/store.ts'
import { type Presence, pauseReason, watchPresence } from './presence.ts'
import type { SettingsStore } from './settings.ts'

export interface LendingOptions {
  readonly store: SnapshotStore
  readonly settings: SettingsStore
  readonly profile: () => DeviceProfile
  readonly update: (change: Pick<Partial<DeviceProfile>, 'visible' | 'lending' | 'battery'>) => void
  /** Lending begins or ends; `reason`: why it pauses. */
  readonly announce: (away: boolean, reason: string | undefined) => void
}

/** Consent, visibility and battery together decide whether others may compute here. */
export class Lending {
  readonly #o: LendingOptions
  #presence: Presence = { visible: true }

  constructor(options: LendingOptions) {
    this.#o = options
  }

  /** Begins to follow the device, with what its owner said earlier: undefined when nobody was asked. */
  start(allowedEarlier: boolean | undefined, signal: AbortSignal): void {
    this.#presence = watchPresence((presence) => {
      this.#presence = presence
      this.#follow()
    }, signal)
    this.#o.store.update({ lending: { asked: allowedEarlier !== undefined, allowed: allowedEarlier ?? false } })
    this.#follow()
  }

  /** The owner's word. */
  allow(allowed: boolean): void {
    this.#o.store.update({ lending: { asked: true, allowed } })
    void this.#o.settings.write({ lending: allowed })
    this.#follow()
  }

  /** Whether others may compute here now. */
  get lends(): boolean {
    const { allowed } = this.#o.store.snapshot.lending
    return allowed && this.#o.profile().role === 'worker' && this.awake
  }

  /** Neither hidden nor short of battery. */
  get awake(): boolean {
    return pauseReason(this.#presence) === undefined
  }

  #follow(): void {
    const { store, profile, update, announce } = this.#o
    const { asked, allowed } = store.snapshot.lending
    const paused = allowed ? pauseReason(this.#presence) : undefined
    store.update({ lending: { asked, allowed, ...(paused === undefined ? {} : { pausedBecause: paused }) } })
    const wasLending = profile().lending
    const { battery, visible } = this.#presence
    update({ visible, lending: this.lends, ...(battery === undefined ? {} : { battery }) })
    const { lending } = profile()
    if (wasLending !== lending) announce(!lending, paused)
  }
}
