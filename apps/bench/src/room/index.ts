export { benchRoom, type RoomBenchOptions, type RoomBenchResult } from './bench-room.ts'
export { roomCsv, roomMarkdown, samplesCsv } from './report.ts'
export { loadScenario, ScenarioError, scenarioNames } from './scenario.ts'
