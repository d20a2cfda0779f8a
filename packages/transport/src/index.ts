export { MAX_MESSAGE_BYTES } from './limits.ts'
export { PRIORITIES } from './priority.ts'
export * from './room.ts'
