import { describe, expect, it } from 'vitest'
import { analyse } from './analyse.ts'
import { NetBuilder } from './testing/index.ts'

describe('analyse', () => {
  const net = new NetBuilder()
  const conv = net.conv(net.input('x', [1, 6, 10, 8]), { out: 4, kernel: [3, 5], stride: 2, group: 2 })
  const relu = net.relu(conv)
  const deep = net.conv(relu, { out: 4, kernel: 3, group: 4, bias: false })
  const pool = net.maxPool(deep, 2)
  const flat = net.op('Flatten', [pool])
  const dense = net.gemm(flat, 7)
  const analysis = analyse(net.output(net.op('Softmax', [dense], { axis: 1 })).graph())
  const of = (output: string) =>
    analysis.nodes.find(({ node }) => node.outputs[0] === output) ?? expect.unreachable(output)

  it("counts work by METHODS' forms", () => {
    expect(analysis.tensors.get(conv)?.shape).toEqual([1, 4, 5, 4])
    // 2*H*W*(Cin*kw*kh+1)*Cout, Cin those of one group
    expect(of(conv)).toMatchObject({ kind: 'conv', flops: 2 * 5 * 4 * (3 * 15 + 1) * 4, macs: 5 * 4 * 3 * 15 * 4 })
    // H*W*C
    expect(of(relu)).toMatchObject({ kind: 'elementwise', flops: 5 * 4 * 4, macs: 0, activationBytes: 4 * 80 })
    expect(of(deep)).toMatchObject({ kind: 'depthwise', macs: 5 * 4 * 4 * 9, parameters: 36 })
    // Hout*Wout*C*pw*ph
    expect(of(pool)).toMatchObject({ kind: 'pool', flops: 2 * 2 * 4 * 4 })
    expect(of(flat)).toMatchObject({ kind: 'copy', flops: 0 })
    // (2*Fin-1)*Fout
    expect(of(dense)).toMatchObject({ kind: 'gemm', flops: (2 * 16 - 1) * 7, macs: 16 * 7, parameters: 16 * 7 + 7 })
  })

  it('sums up, weights once', () => {
    const shared = new NetBuilder()
    const w = shared.weight([4, 1, 1])
    const x = shared.op('Mul', [shared.input('x', [1, 4, 3, 3]), w])
    const { totals } = analyse(shared.output(shared.op('Mul', [x, w])).graph())
    expect(totals).toEqual({ macs: 0, parameters: 4, flops: 72, activationBytes: 288 })
  })

  it('does not count bounds, scales and shapes as parameters', () => {
    const b = new NetBuilder()
    const scalar = (value: number) => b.constant('float32', [], [value])
    const clipped = b.op('Clip', [b.input('x', [1, 4, 4, 4]), scalar(0), scalar(6)])
    const resized = b.op('Resize', [clipped, '', b.constant('float32', [4], [1, 1, 2, 2])])
    expect(analyse(b.output(b.reshape(resized, [1, -1])).graph()).totals.parameters).toBe(0)
  })

  it('remembers its result', () => {
    expect(analyse(analysis.graph)).toBe(analysis)
  })

  it('names the node whose inputs do not fit', () => {
    const b = new NetBuilder()
    const x = b.input('x', [1, 3, 8, 8])
    const y = b.op('Conv', [x, b.weight([4, 5, 3, 3])])
    expect(() => b.output(y).graph()).toThrowError(expect.objectContaining({ reason: 'shape', node: 'Conv_0' }))
  })
})
