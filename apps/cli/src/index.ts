export * from './command.ts'
export * from './pictures/decode.ts'
export * from './pictures/image-folder.ts'
export * from './run.ts'
