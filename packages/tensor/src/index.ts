export * from './feature-map.ts'
