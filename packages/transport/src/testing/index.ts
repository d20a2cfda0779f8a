export * from './memory-network.ts'
export * from './room-contract.ts'
export { DEFAULT_LINK, type LinkShape, SimulatedDirection } from './simulated-link.ts'
export { startWindowDelayMs } from './start-window.ts'
