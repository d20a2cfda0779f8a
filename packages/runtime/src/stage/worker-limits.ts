/** What a device lets others take of it. */
export interface WorkerLimits {
  /** Plans held for one initiator; one more is refused. */
  readonly plansPerInitiator: number
  /** Requests of one plan under way here; one more is refused as `overloaded`. */
  readonly requestsPerPlan: number
  /** Feature maps waiting for their missing rows or their turn, in bytes over all requests. */
  readonly bufferedBytes: number
  /** Jobs of one initiator waiting for one engine. */
  readonly jobsPerInitiator: number
  /**
   * Longest predicted time of one session, in milliseconds: cancel acts between sessions. They shall end within 20 ms also while the
   * machine is a third slower than when it was measured; slow devices take longer ones (`segmentLimitMs`).
   */
  readonly segmentMs: number
  /** Pixels of a picture that another device may make this one decode. */
  readonly picturePixels: number
}

export const DEFAULT_LIMITS: WorkerLimits = {
  plansPerInitiator: 16,
  requestsPerPlan: 32,
  bufferedBytes: 256 << 20,
  jobsPerInitiator: 256,
  segmentMs: 15,
  picturePixels: 16 << 20,
}
