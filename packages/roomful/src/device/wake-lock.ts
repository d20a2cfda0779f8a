/** Keeps the screen on while this device serves others (Screen Wake Lock API); does nothing where that is refused. */
export class WakeLock {
  #sentinel: WakeLockSentinel | undefined
  #wanted = false

  /** Idempotent; the lock falls when the tab is hidden, and is taken again with the next call. */
  async hold(wanted: boolean): Promise<void> {
    this.#wanted = wanted
    if (!wanted) {
      const held = this.#sentinel
      this.#sentinel = undefined
      await held?.release().catch(() => {})
      return
    }
    if (this.#sentinel !== undefined && !this.#sentinel.released) return
    const { wakeLock } = navigator as { wakeLock?: ScreenWakeLock }
    if (wakeLock === undefined || document.visibilityState !== 'visible') return
    try {
      const sentinel = await wakeLock.request('screen')
      if (this.#wanted) this.#sentinel = sentinel
      else await sentinel.release()
    } catch {
      // Refused on low battery: serving goes on, the screen may lock.
    }
  }
}

type ScreenWakeLock = Navigator['wakeLock']
