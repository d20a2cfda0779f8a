export * from './fake-engine.ts'
export * from './mini-net.ts'
export * from './mini-room.ts'
