export { benchRuntime, type RuntimeBenchOptions, type RuntimeBenchResult } from './bench-runtime.ts'
export { runtimeMarkdown } from './report.ts'
