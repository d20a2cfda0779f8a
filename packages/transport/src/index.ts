export { PRIORITIES } from './priority.ts'
export * from './room.ts'
export { type JoinOptions, joinRoom } from './webrtc-room.ts'
