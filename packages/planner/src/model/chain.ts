import { type ModelDigest, modelDigest, type Range } from '@roomful/core'
import { addLayer } from '../predictor/layer-work.ts'
import { addFeatures, addRowShare, emptyWork, type Work } from '../predictor/work.ts'
import type {
  CutPoint,
  ExitSetting,
  PictureBytes,
  PlannableExit,
  PlannableModel,
  RowTables,
  Segment,
} from './plannable.ts'
import { rowTables } from './row-tables.ts'
import { plainWires } from './wires.ts'

/** A layer of a plain chain, for tests, benchmarks and studies without an ONNX file. */
export type ChainLayer =
  | {
      readonly kind: 'conv'
      readonly channels: number
      readonly kernel: number
      readonly stride?: number
      readonly pad?: number
      readonly depthwise?: boolean
    }
  | { readonly kind: 'pool'; readonly kernel: number; readonly stride?: number }
  | { readonly kind: 'dense'; readonly units: number }

export interface ChainOptions {
  readonly name?: string
  readonly input: readonly [channels: number, height: number, width: number]
  readonly layers: readonly ChainLayer[]
  readonly exits?: readonly { readonly after: number; readonly macs: number; readonly name?: string }[]
  readonly settings?: readonly ExitSetting[]
  readonly jpegBytes?: number
}

interface Shape {
  readonly channels: number
  readonly height: number
  readonly width: number
}

/** About 0.5 bit per pixel and channel: JPEG at quality 0.6 on photographs (4.5 to 4.8 KB at 160 x 160). [ours] */
const jpegEstimate = (pixels: number): number => Math.round(600 + pixels * 0.16)

/** What a picture of so many pixels weighs; WebP at the same quality nine tenths of a JPEG. [ours] */
export function pictureBytes(pixels: number, jpeg = jpegEstimate(pixels)): PictureBytes {
  return { pixels, jpeg, webp: Math.round(jpeg * 0.9), tensorBits: 32 }
}

/** A chain of layers, each of which is a segment with a cut point behind it. */
export function chainModel(options: ChainOptions): PlannableModel {
  const [channels, height, width] = options.input
  let shape: Shape = { channels, height, width }
  const points: CutPoint[] = [cutPoint(0, shape)]
  const segments: Segment[] = []
  for (const layer of options.layers) {
    const built = build(layer, shape)
    shape = built.shape
    segments.push(built.segment)
    points.push(cutPoint(points.length, shape))
  }
  const exits: PlannableExit[] = (options.exits ?? []).map((exit, index) => ({
    name: exit.name ?? `exit${index + 1}`,
    point: exit.after,
    work: addFeatures(emptyWork(), 'dense', [exit.macs]),
    macs: exit.macs,
    outputBytes: 40,
    threshold: 0.8,
  }))
  const digest: ModelDigest = modelDigest(options.name ?? 'chain')
  return {
    digest,
    trunk: 'main',
    trunkLoss: 0,
    points,
    segments,
    exits,
    settings: options.settings ?? [],
    picture: pictureBytes(height * width, options.jpegBytes),
    trunks: [],
  }
}

function cutPoint(index: number, { channels, height, width }: Shape): CutPoint {
  const elements = channels * height * width
  const shape = [1, channels, height, width]
  return {
    index,
    tensor: `t${index}`,
    shape,
    elements,
    rows: height,
    elementsPerRow: channels * width,
    wires: plainWires(shape),
  }
}

function build(layer: ChainLayer, input: Shape): { shape: Shape; segment: Segment } {
  const inputElements = input.channels * input.height * input.width
  if (layer.kind === 'dense') {
    const macs = inputElements * layer.units
    const work = addLayer(emptyWork(), { kind: 'dense', inputs: inputElements, outputs: layer.units })
    const why = { node: 'dense', why: 'every output needs the whole input' }
    return {
      shape: { channels: layer.units, height: 1, width: 1 },
      segment: {
        work,
        macs,
        parameters: macs,
        activationBytes: (inputElements + layer.units) * 4,
        tables: () => undefined,
        untileable: why,
      },
    }
  }
  const { kernel } = layer
  const stride = layer.stride ?? (layer.kind === 'pool' ? kernel : 1)
  const pad = layer.kind === 'conv' ? (layer.pad ?? (kernel - 1) >> 1) : 0
  const side = (size: number) => Math.floor((size + 2 * pad - kernel) / stride) + 1
  const shape: Shape = {
    channels: layer.kind === 'conv' ? layer.channels : input.channels,
    height: side(input.height),
    width: side(input.width),
  }
  const depthwise = layer.kind === 'conv' && layer.depthwise === true
  const weights = layer.kind === 'pool' ? 0 : kernel * kernel * shape.channels * (depthwise ? 1 : input.channels)
  const elements = shape.channels * shape.height * shape.width
  const whole = addLayer(
    emptyWork(),
    layer.kind === 'pool'
      ? { kind: 'pool', taps: kernel * kernel, stride, elements }
      : {
          kind: 'conv',
          inputChannels: input.channels,
          outputChannels: shape.channels,
          groups: depthwise ? input.channels : 1,
          taps: kernel * kernel,
          stride,
          rows: shape.height,
          columns: shape.width,
        },
  )
  const workOf = (rows: number): Work => addRowShare(emptyWork(), whole, rows / shape.height)
  let tables: RowTables | undefined
  const geometry = ({ start, end }: Range) => ({
    inputRows: {
      start: Math.min(input.height - 1, Math.max(0, start * stride - pad)),
      end: Math.min(input.height, (end - 1) * stride - pad + kernel),
    },
    work: workOf(end - start),
  })
  return {
    shape,
    segment: {
      work: whole,
      macs: weights * shape.width * shape.height,
      parameters: weights,
      activationBytes: (inputElements + shape.channels * shape.height * shape.width) * 4,
      tables: () => {
        tables ??= rowTables(shape.height, geometry)
        return tables
      },
    },
  }
}
