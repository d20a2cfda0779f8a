import { type Operator, refuse } from './operator.ts'

/** DepthToSpace (1, 11, 13): blocks of channels become blocks of rows and columns. */
const depthToSpace: Operator = {
  op: 'DepthToSpace',
  kind: 'copy',
  infer(c) {
    const [batch = 1, channels = 0, height = 0, width = 0] = c.shape(0)
    const block = c.int('blocksize', 0)
    if (!(block > 0) || channels % (block * block) !== 0) throw c.fail(`${channels} channels in blocks of ${block}`)
    return [{ dtype: c.dtype(0), shape: [batch, channels / (block * block), height * block, width * block] }]
  },
  rows(c) {
    const { axis, unit, height } = c.main
    const block = c.int('blocksize', 1)
    if (axis !== 2 || unit !== 1) return refuse('its rows are not on axis 2')
    return {
      outputs: [{ axis, unit, height: height * block }],
      need: (rows) => ({ start: rows.start / block, end: rows.end / block }),
      produced: (rows) => ({
        start: Math.floor(rows.start / block) * block,
        end: Math.ceil(rows.end / block) * block,
      }),
    }
  },
}

/** SpaceToDepth (1, 13): the reverse. */
const spaceToDepth: Operator = {
  op: 'SpaceToDepth',
  kind: 'copy',
  infer(c) {
    const [batch = 1, channels = 0, height = 0, width = 0] = c.shape(0)
    const block = c.int('blocksize', 0)
    if (!(block > 0) || height % block !== 0 || width % block !== 0) {
      throw c.fail(`${height} x ${width} in blocks of ${block}`)
    }
    return [{ dtype: c.dtype(0), shape: [batch, channels * block * block, height / block, width / block] }]
  },
  rows(c) {
    const { axis, unit, height } = c.main
    const block = c.int('blocksize', 1)
    if (axis !== 2 || unit !== 1) return refuse('its rows are not on axis 2')
    return {
      outputs: [{ axis, unit, height: height / block }],
      need: (rows) => ({ start: rows.start * block, end: rows.end * block }),
    }
  },
}

export const depthSpace: readonly Operator[] = [depthToSpace, spaceToDepth]
