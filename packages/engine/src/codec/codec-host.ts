import { decodeFeature, encodeFeature, type FeatureMap } from '@roomful/tensor'
import type { HostPort } from '../worker/port.ts'
import { serveCalls } from '../worker/serve-calls.ts'
import { transferables } from '../worker/transfer.ts'
import type { CodecCalls } from './messages.ts'

/** The worker's side of WorkerCodec. */
export function serveCodec(port: HostPort): void {
  serveCalls<CodecCalls>(
    port,
    {
      encode: ({ map, wire }) => encodeFeature(map, wire),
      decode: ({ bytes, limits }) => decodeFeature(bytes, limits),
    },
    (kind, reply) =>
      kind === 'encode' ? [(reply as Uint8Array<ArrayBuffer>).buffer] : transferables({ map: reply as FeatureMap }),
  )
}
