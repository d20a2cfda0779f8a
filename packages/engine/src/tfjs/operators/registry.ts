import * as tf from '@tensorflow/tfjs-core'
import type { Lowering } from '../node-context.ts'
import { clip, elu, gelu, hardSigmoid, hardSwish, leakyRelu, mish, prelu, unary } from './activation.ts'
import { binary, variadic } from './arithmetic.ts'
import { conv } from './conv.ts'
import { concat, gather, split } from './join.ts'
import { gemm, matMul } from './matmul.ts'
import { batchNormalization, instanceNormalization, layerNormalization, localResponse } from './normalization.ts'
import { pad } from './pad.ts'
import { averagePool, globalAveragePool, globalMaxPool, maxPool } from './pool.ts'
import { reduceMax, reduceMean, reduceMin, reduceSum } from './reduce.ts'
import { cast, expand, identity, reshape, transpose } from './reshape.ts'
import { resize } from './resize.ts'
import { slice } from './slice.ts'
import { logSoftmax, softmax } from './softmax.ts'

/** Every operator of ONNX's own domain that runs on TensorFlow.js. */
export const OPERATORS: ReadonlyMap<string, Lowering> = new Map<string, Lowering>([
  ['Conv', conv],
  ['Gemm', gemm],
  ['MatMul', matMul],
  ['BatchNormalization', batchNormalization],
  ['InstanceNormalization', instanceNormalization],
  ['LayerNormalization', layerNormalization],
  ['LRN', localResponse],
  ['MaxPool', maxPool],
  ['AveragePool', averagePool],
  ['GlobalAveragePool', globalAveragePool],
  ['GlobalMaxPool', globalMaxPool],
  ['ReduceMean', reduceMean],
  ['ReduceSum', reduceSum],
  ['ReduceMax', reduceMax],
  ['ReduceMin', reduceMin],
  ['Relu', unary(tf.relu)],
  ['Sigmoid', unary(tf.sigmoid)],
  ['Tanh', unary(tf.tanh)],
  ['Exp', unary(tf.exp)],
  ['Log', unary(tf.log)],
  ['Sqrt', unary(tf.sqrt)],
  ['Reciprocal', unary(tf.reciprocal)],
  ['Neg', unary(tf.neg)],
  ['Abs', unary(tf.abs)],
  ['Erf', unary(tf.erf)],
  ['Floor', unary(tf.floor)],
  ['Ceil', unary(tf.ceil)],
  ['Selu', unary(tf.selu)],
  ['Softplus', unary(tf.softplus)],
  ['HardSwish', unary(hardSwish)],
  ['Mish', unary(mish)],
  ['Gelu', gelu],
  ['LeakyRelu', leakyRelu],
  ['Elu', elu],
  ['PRelu', prelu],
  ['HardSigmoid', hardSigmoid],
  ['Clip', clip],
  ['Add', binary(tf.add)],
  ['Sub', binary(tf.sub)],
  ['Mul', binary(tf.mul)],
  ['Div', binary(tf.div)],
  ['Pow', binary(tf.pow)],
  ['Sum', variadic(tf.add)],
  ['Mean', variadic(tf.add, (sum, count) => tf.div(sum, count))],
  ['Max', variadic(tf.maximum)],
  ['Min', variadic(tf.minimum)],
  ['Concat', concat],
  ['Split', split],
  ['Gather', gather],
  ['Slice', slice],
  ['Pad', pad],
  ['Reshape', reshape],
  ['Flatten', reshape],
  ['Squeeze', reshape],
  ['Unsqueeze', reshape],
  ['Transpose', transpose],
  ['Expand', expand],
  ['Cast', cast],
  ['Identity', identity],
  ['Dropout', identity],
  ['Softmax', softmax],
  ['LogSoftmax', logSoftmax],
  ['Resize', resize],
  ['Upsample', resize],
])
