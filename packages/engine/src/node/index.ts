export * from './ort-node-engine.ts'
