export * from './peer.ts'
export * from './signalling.ts'
