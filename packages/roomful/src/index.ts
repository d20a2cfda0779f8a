export * from './session.ts'
export * from './snapshot.ts'
