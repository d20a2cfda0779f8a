import { analyse } from '@roomful/graph'
import { NetBuilder } from '@roomful/graph/testing'
import { describe, expect, it } from 'vitest'
import { GraphLayers } from './graph-layers.ts'

describe('the layers that ONNX Runtime makes of a graph', () => {
  const net = new NetBuilder()
  const x = net.input('x', [1, 8, 10, 6])
  const conv = net.conv(x, { out: 8, kernel: 3 })
  const relu = net.relu(conv)
  const second = net.conv(relu, { out: 8, kernel: 3 })
  const sum = net.op('Add', [second, x])
  const clipped = net.relu(sum)
  const sigmoid = net.op('Sigmoid', [clipped])
  const pool = net.op('GlobalAveragePool', [sigmoid])
  const flat = net.op('Flatten', [pool])
  const analysis = analyse(net.output(net.gemm(flat, 5)).graph())
  const layers = new GraphLayers(analysis)

  it('fuses activations and residual sums into the convolution before', () => {
    const kinds = [...layers.of(analysis.nodes).values()].map(({ kind }) => kind)
    expect(kinds).toEqual(['conv', 'conv', 'fused', 'function', 'pool', 'dense'])
  })

  it('keeps apart what a cut keeps apart', () => {
    const relus = analysis.nodes.filter(({ node }) => node.outputs[0] === relu)
    expect([...layers.of(relus).values()]).toEqual([{ kind: 'activation', elements: 480 }])
  })

  it('describes a convolution by its shapes', () => {
    const [first] = layers.of(analysis.nodes).values()
    expect(first).toEqual({
      kind: 'conv',
      inputChannels: 8,
      outputChannels: 8,
      groups: 1,
      taps: 9,
      stride: 1,
      rows: 10,
      columns: 6,
    })
  })
})
