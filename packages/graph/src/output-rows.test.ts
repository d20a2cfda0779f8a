import { expect, it } from 'vitest'
import { outputRows } from './output-rows.ts'
import { NetBuilder } from './testing/index.ts'
import { randomFeeds, relativeError, rowsOf, runGraph } from './testing/node/index.ts'

for (const opset of [9, 13]) {
  it(`gives the rows asked for, and nothing else changes (operator set ${opset})`, async () => {
    const net = new NetBuilder({ opset })
    const graph = net.output(net.conv(net.input('x', [1, 2, 8, 5]), { out: 3, kernel: 3 })).graph()
    const feeds = randomFeeds(graph)
    const [whole] = Object.values(await runGraph(graph, feeds))
    const cut = outputRows(graph, { start: 2, end: 7 })
    const [rows] = Object.values(await runGraph(cut, feeds))
    expect(cut.outputs.map(({ shape }) => shape)).toEqual([[1, 3, 5, 5]])
    if (whole === undefined || rows === undefined) throw new Error('no outputs')
    expect(relativeError(rowsOf(whole, 2, 7), rows)).toBe(0)
    expect(() => outputRows(graph, { start: 2, end: 9 })).toThrow('no rows 2 to 9')
  })
}
