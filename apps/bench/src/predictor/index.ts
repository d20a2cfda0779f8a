export * from './bench-predictor.ts'
export * from './report.ts'
