export * from './materialise.ts'
export * from './net-builder.ts'
export * from './nets.ts'
