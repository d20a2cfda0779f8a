export * from './planner/bench-planner.ts'
export { comparisonPlot } from './planner/plot.ts'
export { replaceGenerated, reportMarkdown } from './planner/report.ts'
