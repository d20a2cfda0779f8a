import { type ModelDigest, modelDigest, type Random, type Range, type TensorName } from '@roomful/core'
import type { FeatureMap, InputSpec } from '@roomful/tensor'
import type { ModelExit, StagedModel, StagePart } from '../model/staged-model.ts'

interface Conv {
  readonly cin: number
  readonly cout: number
  readonly stride: number
  /** cout x cin x 3 x 3. */
  readonly weights: Float32Array
}

interface Dense {
  readonly from: number
  readonly output: TensorName
  readonly channels: number
  readonly weights: Float32Array
}

const CLASSES = 5
const KERNEL = 3

export interface MiniNetOptions {
  readonly random: Random
  /** Strides of the 3x3 convolutions, one per layer. */
  readonly strides: readonly number[]
  readonly height?: number
  readonly width?: number
  readonly channels?: number
  /** Layers (1-based) after which an exit hangs: `exit1`; a second one at the same layer is `exit1b`. */
  readonly exits?: readonly number[]
  readonly held?: () => boolean
  /** For nets that take pictures; `height` and `width` must be the spec's. */
  readonly spec?: InputSpec
}

/**
 * A tiny network in plain TypeScript: 3x3 convolutions with padding 1 and leaky ReLU, a pooled dense head, exits of the
 * same kind. It is cut and tiled exactly as an ONNX model is, so plans can be executed for real without a backend.
 * Tensors: `x`, `t1`, `t2`, ..., `logits`.
 */
export class MiniNet implements StagedModel {
  readonly digest: ModelDigest
  readonly input: StagedModel['input']
  readonly output = { tensor: 'logits', temperature: 1.5 }
  readonly trunks = ['main']
  readonly exits: readonly ModelExit[]
  readonly points: StagedModel['points']
  readonly macs: number
  readonly held: () => boolean
  readonly #layers: readonly Conv[]
  readonly #dense: ReadonlyMap<TensorName, Dense>
  readonly #shapes = new Map<TensorName, readonly number[]>()

  constructor(options: MiniNetOptions) {
    const { random, strides, height = 12, width = 6, channels = 3, exits = [] } = options
    const inputChannels = options.spec === undefined ? 2 : options.spec.mean.length
    const noise = (count: number, scale: number) =>
      Float32Array.from({ length: count }, () => (random.next() - 0.5) * scale)
    this.held = options.held ?? (() => true)
    this.digest = modelDigest(`mini-${random.int(1 << 30)}`)
    const { spec } = options
    this.input = { tensor: 'x', dims: [1, inputChannels, height, width], ...(spec === undefined ? {} : { spec }) }
    this.#shapes.set('x', this.input.dims)
    let dims = [1, inputChannels, height, width]
    let macs = 0
    const layers: Conv[] = []
    const points: { tensor: string; macsBefore: number; prefixDigest: string }[] = []
    for (const [index, stride] of strides.entries()) {
      const [, cin = 1, h = 1, w = 1] = dims
      const out = [1, channels, Math.floor((h - 1) / stride) + 1, Math.floor((w - 1) / stride) + 1]
      layers.push({ cin, cout: channels, stride, weights: noise(channels * cin * 9, 1.2) })
      macs += channels * cin * 9 * (out[2] ?? 1) * (out[3] ?? 1)
      dims = out
      const tensor = `t${index + 1}`
      this.#shapes.set(tensor, dims)
      points.push({ tensor, macsBefore: macs, prefixDigest: `${this.digest}:${tensor}` })
    }
    this.#layers = layers
    this.points = points
    const dense = new Map<TensorName, Dense>()
    const head = (from: number, output: TensorName) => {
      dense.set(output, { from, output, channels, weights: noise(CLASSES * channels, 12) })
      this.#shapes.set(output, [1, CLASSES])
    }
    head(strides.length, 'logits')
    this.exits = exits.map((layer, index) => {
      const name = `exit${layer}${exits.indexOf(layer) < index ? 'b' : ''}`
      head(layer, `${name}.logits`)
      return { name, from: `t${layer}`, output: `${name}.logits`, temperature: 1 }
    })
    this.#dense = dense
    this.macs = macs + CLASSES * channels
  }

  shape(tensor: TensorName): readonly number[] | undefined {
    return this.#shapes.get(tensor)
  }

  dtype(): 'float32' {
    return 'float32'
  }

  hasBottleneck(): boolean {
    return false
  }

  codeShape(): undefined {
    return undefined
  }

  inputRows(from: TensorName, to: TensorName, rows: Range): Range {
    const last = this.#index(to)
    if (last === undefined) throw new Error(`${to} cannot be tiled: its pooling needs every row`)
    return this.#walk(this.#index(from) ?? 0, last, rows)[0] as Range
  }

  async part(part: StagePart, signal?: AbortSignal) {
    signal?.throwIfAborted()
    return { bytes: new TextEncoder().encode(JSON.stringify(part)), fetchedBytes: 0 }
  }

  /** Multiply-accumulates of a part; what a fake engine's time is made of. */
  partMacs(part: StagePart): number {
    const at = (tensor: TensorName) => this.points.find((point) => point.tensor === tensor)?.macsBefore
    const start = at(part.from) ?? 0
    const end = at(part.to) ?? (part.to === 'logits' ? this.macs : start + 100)
    const height = this.shape(part.to)?.[2] ?? 1
    return (end - start) * (part.rows === undefined ? 1 : (part.rows.end - part.rows.start) / height)
  }

  /** Runs a part on exactly the rows it needs. */
  run(part: StagePart, input: FeatureMap): FeatureMap {
    const first = this.#index(part.from) ?? 0
    const dense = this.#dense.get(part.to)
    const last = this.#index(part.to) ?? dense?.from ?? this.#layers.length
    const fullHeight = this.shape(`t${last}`)?.[2] ?? this.input.dims[2] ?? 1
    const windows = this.#walk(first, last, part.rows ?? { start: 0, end: fullHeight })
    let map = input
    for (let layer = first; layer < last; layer++) {
      const conv = this.#layers[layer]
      const [from, to] = [windows[layer - first], windows[layer - first + 1]]
      if (conv === undefined || from === undefined || to === undefined) continue
      const height = this.shape(layer === 0 ? 'x' : `t${layer}`)?.[2] ?? 1
      map = convolve(conv, map, from, to, height)
    }
    return dense === undefined ? map : pooled(dense, map)
  }

  /** The whole trunk or exit on one device. */
  reference(input: FeatureMap, to: TensorName = 'logits'): FeatureMap {
    return this.run({ trunk: 'main', from: 'x', to }, input)
  }

  #index(tensor: TensorName): number | undefined {
    if (tensor === 'x') return 0
    return /^t\d+$/.test(tensor) ? Number(tensor.slice(1)) : undefined
  }

  /** Rows of every tensor from layer `first` to `last` that rows `rows` of the last one need (METHODS 4, row rule). */
  #walk(first: number, last: number, rows: Range): Range[] {
    const windows = [rows]
    let here = rows
    for (let layer = last; layer > first; layer--) {
      const stride = this.#layers[layer - 1]?.stride ?? 1
      const height = this.shape(layer === 1 ? 'x' : `t${layer - 1}`)?.[2] ?? 1
      here = {
        start: Math.max(0, here.start * stride - 1),
        end: Math.min(height, (here.end - 1) * stride - 1 + KERNEL),
      }
      windows.unshift(here)
    }
    return windows
  }
}

function convolve(conv: Conv, input: FeatureMap, from: Range, to: Range, fullHeight: number): FeatureMap {
  const { cin, cout, stride, weights } = conv
  const width = input.dims[3] ?? 1
  const held = from.end - from.start
  const wOut = Math.floor((width - 1) / stride) + 1
  const rows = to.end - to.start
  const data = new Float32Array(cout * rows * wOut)
  const source = input.data as Float32Array
  for (let o = 0; o < cout; o++) {
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < wOut; x++) {
        let sum = 0
        for (let c = 0; c < cin; c++) {
          for (let ky = 0; ky < KERNEL; ky++) {
            const row = (to.start + y) * stride - 1 + ky
            if (row < 0 || row >= fullHeight) continue
            for (let kx = 0; kx < KERNEL; kx++) {
              const column = x * stride - 1 + kx
              if (column < 0 || column >= width) continue
              const weight = weights[((o * cin + c) * KERNEL + ky) * KERNEL + kx] as number
              sum += weight * (source[(c * held + row - from.start) * width + column] as number)
            }
          }
        }
        data[(o * rows + y) * wOut + x] = sum > 0 ? sum : 0.1 * sum
      }
    }
  }
  return { dtype: 'float32', dims: [1, cout, rows, wOut], data }
}

function pooled(dense: Dense, map: FeatureMap): FeatureMap {
  const size = (map.dims[2] ?? 1) * (map.dims[3] ?? 1)
  const means = Float32Array.from({ length: dense.channels }, (_, c) => {
    let sum = 0
    for (let i = 0; i < size; i++) sum += map.data[c * size + i] as number
    return sum / size
  })
  const data = Float32Array.from({ length: CLASSES }, (_, label) =>
    means.reduce((sum, mean, c) => sum + mean * (dense.weights[label * dense.channels + c] as number), 0),
  )
  return { dtype: 'float32', dims: [1, CLASSES], data }
}
