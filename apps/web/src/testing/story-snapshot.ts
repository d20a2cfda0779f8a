import type { ModelView, RequestView, RoomSnapshot } from 'roomful'
import {
  type DeviceProfile,
  deviceId,
  type LinkProfile,
  modelDigest,
  type Plan,
  planId,
  requestId,
  type Span,
} from 'roomful'

const phone = deviceId('phone')
const laptop = deviceId('laptop')
const tablet = deviceId('tablet')

function profile(id: typeof phone, name: string, gmacsPerSecond: number, load: number): DeviceProfile {
  return {
    id,
    name,
    protocol: 1,
    role: 'worker',
    backends: [{ backend: 'ort-wasm', threads: 4, gmacsPerSecond, overheadMs: 0.6 }],
    models: [],
    memoryMb: 2048,
    storage: { quotaMb: 900, writeMbPerSecond: 120, readMbPerSecond: 300 },
    lending: true,
    visible: true,
    battery: { level: 0.71, charging: false },
    load,
  }
}

const links: LinkProfile[] = [
  { a: phone, b: laptop, rttMs: 3.8, mbitPerSecond: 94 },
  { a: phone, b: tablet, rttMs: 7.1, mbitPerSecond: 48 },
  { a: laptop, b: tablet, rttMs: 5.2, mbitPerSecond: 60 },
]

const SHAPES: readonly (readonly [string, number, number, number])[] = [
  ['stem', 22e6, 32, 80],
  ['stage1_block1', 29e6, 32, 40],
  ['stage1_block2', 30e6, 32, 40],
  ['stage2_block1', 36e6, 80, 20],
  ['stage2_block2', 46e6, 80, 20],
  ['stage3_block1', 40e6, 160, 10],
  ['stage3_block2', 46e6, 160, 10],
  ['stage4_block1', 40e6, 320, 5],
]

const model: ModelView = {
  name: 'imagenette',
  digest: modelDigest('story'),
  labels: ['tench', 'church'],
  width: 160,
  height: 160,
  macs: 295e6,
  segments: [
    ...SHAPES.map(([to, macs, c, side]) => ({ to, macs, shape: [1, c, side, side], bytes: c * side * side * 4 })),
    { to: 'logits', macs: 6e6, shape: [1, 10], bytes: 40 },
  ],
  exits: [
    { name: 'exit1', at: 'stage1_block2', macs: 90e6, threshold: 0.9 },
    { name: 'exit2', at: 'stage2_block2', macs: 170e6, threshold: 0.85 },
    { name: 'exit3', at: 'stage3_block1', macs: 215e6, threshold: 0.8 },
  ],
  downloadedBytes: 1.1e6,
  totalBytes: 5.8e6,
}

const plan: Plan = {
  model: model.digest,
  trunk: 'main',
  input: { kind: 'tensor' },
  volumes: [
    {
      from: 'input',
      to: 'stage1_block2',
      shards: [{ device: phone, backend: 'ort-wasm' }],
      wire: { bits: 8, entropy: 'none' },
      route: 'peer',
    },
    {
      from: 'stage1_block2',
      to: 'stage2_block2',
      shards: [
        { device: laptop, backend: 'ort-wasm', rows: { start: 0, end: 14 } },
        { device: tablet, backend: 'ort-wasm', rows: { start: 14, end: 20 } },
      ],
      wire: { bits: 8, entropy: 'none' },
      route: 'peer',
    },
    {
      from: 'stage2_block2',
      to: 'logits',
      shards: [{ device: laptop, backend: 'ort-wasm' }],
      wire: { bits: 32, entropy: 'none' },
      route: 'peer',
    },
  ],
  exits: [],
  predicted: { latencyMs: 46, fullMs: 61, throughputPerSecond: 24, bytes: 64_000 },
  method: 'auto',
}

function spans(scale: number): Span[] {
  const at = (startMs: number, endMs: number) => ({ startMs: startMs * scale, endMs: endMs * scale })
  return [
    { device: phone, kind: 'preprocess', ...at(0, 2.1) },
    { device: phone, kind: 'compute', volume: 0, ...at(2.1, 23) },
    { device: phone, kind: 'encode', volume: 0, ...at(23, 23.8) },
    { device: phone, kind: 'transfer', volume: 0, bytes: 51_200, to: laptop, ...at(23.8, 30.4) },
    { device: laptop, kind: 'decode', volume: 1, ...at(30.4, 30.9) },
    { device: laptop, kind: 'compute', volume: 1, ...at(30.9, 37.5) },
    { device: tablet, kind: 'compute', volume: 1, ...at(32, 38) },
    { device: tablet, kind: 'transfer', volume: 1, bytes: 9_600, to: laptop, ...at(38, 41) },
    { device: laptop, kind: 'exit', exit: 'exit2', ...at(41, 42.6) },
    { device: laptop, kind: 'transfer', bytes: 80, to: phone, ...at(42.6, 45.2) },
  ]
}

const requests: RequestView[] = Array.from({ length: 60 }, (_, index) => {
  const scale = 1 + 0.25 * Math.sin(index * 1.7)
  return {
    trace: {
      request: requestId(`r${index}`),
      method: 'auto',
      source: 'computed',
      exit: 'exit2',
      totalMs: 45.8 * scale,
      spans: spans(scale),
    },
    answer: { label: 'golf ball', index: 8, confidence: 0.97, top: [{ label: 'golf ball', probability: 0.97 }] },
    endedAt: 1_700_000_000_000 + index * 60,
  }
})

/** A phone, a laptop and a tablet in the middle of work; every figure is made up. */
export const storySnapshot: RoomSnapshot = {
  phase: 'joined',
  self: profile(phone, 'Old phone', 1.4, 0),
  role: 'worker',
  inviteUrl: 'https://192.0.2.7:8443/#k=AAECAwQFBgcICQoLDA0ODw',
  signalling: 'connected',
  benchmark: { running: false, step: '', progress: 1 },
  peers: [
    { profile: profile(laptop, 'Laptop', 11.2, 0.32), link: 'connected', rttMs: 3.8, mbitPerSecond: 94 },
    { profile: profile(tablet, 'Tablet', 4.6, 0.1), link: 'connected', rttMs: 7.1, mbitPerSecond: 48 },
  ],
  links,
  model,
  modelState: 'ready',
  plan: {
    id: planId('p1'),
    plan,
    status: 'active',
    byHand: false,
    words: [
      'Laptop computes 8 times as fast as this device, and 51 KB reach it in 7 ms.',
      'Splitting the second volume by rows with Tablet saves 3 ms more than its halo costs.',
    ],
    runnersUp: [
      { method: 'neurosurgeon', predictedMs: 52, summary: 'this device up to stage1_block2, then Laptop' },
      { method: 'offload', predictedMs: 58, summary: 'the picture as JPEG to Laptop' },
      { method: 'local', predictedMs: 212, summary: 'this device alone' },
    ],
  },
  lending: { asked: true, allowed: true },
  serving: 1,
  requests,
  stats: {
    answered: 60,
    failed: 0,
    recovered: 1,
    p50Ms: 45.8,
    p95Ms: 56.9,
    byExit: { exit1: 0, exit2: 60, exit3: 0, final: 0 },
    bySource: { computed: 60, 'own-cache': 0, 'room-cache': 0 },
    aloneMs: 212,
  },
  messages: [{ id: 1, kind: 'info', text: 'Tablet joined the room.' }],
}
