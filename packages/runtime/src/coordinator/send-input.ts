import type { Clock, DeviceId, Span, WireFormat } from '@roomful/core'
import type { FeatureMap } from '@roomful/tensor'
import { type Route, trunkRoutes } from '../plan/routes.ts'
import { EXACT } from '../wire/feature-codec.ts'
import type { PictureCodec } from '../wire/picture-codec.ts'
import type { RequestAddress, RequestLinks } from '../wire/request-links.ts'
import type { Attempt } from './attempt.ts'
import type { RequestInput } from './request-input.ts'

/** A picture's tensor in as many levels as its pixels have. */
const PIXELS: WireFormat = { bits: 8, entropy: 'none' }

/** Microtasks from a stage's input to its Worker, and some more. */
const TURNS = 12

export interface SendInputOptions {
  readonly links: RequestLinks
  readonly pictures: PictureCodec | undefined
  readonly self: DeviceId
  readonly clock: Clock
  readonly attempt: Attempt
  readonly input: RequestInput
  /** The map at the attempt's first cut, when it does not begin with the picture. */
  readonly kept: FeatureMap | undefined
  readonly deadlineAtMs: number
  /** Whether anybody looks at the input tensor again, or may go on from it: else it is made once more should it be needed. */
  readonly keepsInput: boolean
  readonly onTensor: (map: FeatureMap) => void
  /** Times are this device's clock. */
  readonly onSpan: (span: Span) => void
}

/** Starts an attempt: its first volume gets the kept map, the picture as JPEG or WebP, or the input tensor. */
export async function sendInput(options: SendInputOptions): Promise<void> {
  const { links, pictures, self, clock, attempt, input, kept, onSpan } = options
  const { layout, plan } = attempt.installed
  const { signal } = attempt
  const address: RequestAddress = {
    requestId: attempt.id,
    planId: attempt.installed.planId,
    initiator: self,
    deadlineAtMs: options.deadlineAtMs,
  }
  const routes = trunkRoutes(layout, attempt.startVolume)
  const remote = routes.filter((route) => route.to !== self)
  const { kind } = plan.input
  if (kept !== undefined || kind === 'tensor' || !input.isPicture || pictures === undefined || remote.length === 0) {
    return sendTensor(options, address, routes)
  }
  // This device's own rows begin in its Worker while the picture is encoded here.
  const local = routes.filter((route) => route.to === self)
  const own = local.length > 0 ? sendTensor(options, address, local) : undefined
  own?.catch(() => {})
  // Its way to the Worker is a few microtasks; the encoder keeps this thread from them.
  for (let turn = 0; own !== undefined && turn < TURNS; turn++) await undefined
  const startMs = clock.now()
  const blob = await input.encoded(pictures, plan.input, signal)
  signal.throwIfAborted()
  onSpan({ device: self, kind: 'encode', startMs, endMs: clock.now(), volume: 0, bytes: blob.length })
  const sent = links.picture(address, remote, blob, kind, { signal, onSpan })
  await Promise.all([sent, own])
}

async function sendTensor(options: SendInputOptions, address: RequestAddress, routes: readonly Route[]): Promise<void> {
  const { links, attempt, onSpan } = options
  const { kept, keepsInput, input: source } = options
  const exclusive = kept === undefined && !keepsInput && source.isPicture && routes.length === 1
  const map = kept ?? inputTensor(options, exclusive)
  const { volumes, input } = attempt.installed.plan
  const wire = volumes[attempt.startVolume - 1]?.wire ?? (input.bits === 8 ? PIXELS : EXACT)
  await links.feature(address, routes, { map, wire, exclusive }, { signal: attempt.signal, onSpan })
}

function inputTensor({ clock, self, input, onTensor, onSpan }: SendInputOptions, exclusive: boolean): FeatureMap {
  const startMs = clock.now()
  const map = exclusive ? input.takeTensor() : input.tensor()
  if (!exclusive) onTensor(map)
  if (input.isPicture) onSpan({ device: self, kind: 'preprocess', startMs, endMs: clock.now() })
  return map
}
