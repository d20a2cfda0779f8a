export * from './check.ts'
export * from './onnx-runtime.ts'
