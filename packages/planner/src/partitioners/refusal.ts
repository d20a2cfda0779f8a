export type RefusalReason =
  | 'no-peers'
  | 'no-link'
  | 'memory'
  | 'deadline'
  | 'accuracy'
  | 'privacy'
  | 'untileable'
  | 'no-exits'
  | 'no-trunks'
  | 'too-large'
  | 'not-measured'

/** Why a method has no plan: `reason` for code, `message` for people. */
export interface Refusal {
  readonly ok: false
  readonly reason: RefusalReason
  readonly message: string
}

export const refuse = (reason: RefusalReason, message: string): Refusal => ({ ok: false, reason, message })
