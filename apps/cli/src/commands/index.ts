import type { Command } from '../command.ts'

/** Every subcommand by name; a command's module is loaded only when it runs. */
export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  inspect: async () => (await import('./inspect.ts')).inspect,
  extract: async () => (await import('./extract.ts')).extractCommand,
  verify: async () => (await import('./verify.ts')).verify,
  prepare: async () => (await import('./prepare.ts')).prepare,
  plan: async () => (await import('./plan.ts')).plan,
  simulate: async () => (await import('./simulate.ts')).simulateCommand,
  bench: async () => (await import('./bench.ts')).bench,
  serve: async () => (await import('./serve.ts')).serveCommand,
  evaluate: async () => (await import('./evaluate.ts')).evaluate,
}
