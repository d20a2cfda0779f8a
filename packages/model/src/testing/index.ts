export * from './colour-net.ts'
export * from './compressed-package.ts'
