export { FLOW_LIMITS, type FlowLimits } from './flow-controlled-channel.ts'
export { PRIORITIES } from './priority.ts'
export * from './room.ts'
export { checkServerUrl, type JoinOptions, joinRoom } from './webrtc-room.ts'
