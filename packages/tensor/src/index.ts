export * from './feature-map.ts'
export * from './preprocess/cover.ts'
export * from './preprocess/input-spec.ts'
export * from './preprocess/preprocess.ts'
