import type { ParseArgsConfig } from 'node:util'
import { ReasonedError } from '@roomful/core'
import type { Progress } from './progress.ts'

/** Wrong options or arguments; the process ends with 2. */
export class UsageError extends ReasonedError<'usage'> {
  override readonly name = 'UsageError'
  constructor(message: string) {
    super('usage', message)
  }
}

/** An input was refused or a check failed; the process ends with 1 and this one line on standard error. */
export class CommandError extends ReasonedError<'input' | 'file' | 'check' | 'unavailable'> {
  override readonly name = 'CommandError'
}

export interface CommandContext {
  readonly positionals: readonly string[]
  readonly values: Readonly<Record<string, string | boolean | undefined>>
  /** Whether standard output carries exactly one JSON object. */
  readonly json: boolean
  /** A path as the caller meant it: relative to the folder in which npm was called (INIT_CWD). */
  path(relative: string): string
  /** A line for people; silent with --json. */
  print(line: string): void
  /** A line on standard error. */
  warn(line: string): void
  /** The command's result: the one JSON object with --json, else nothing. Call it once. */
  result(value: object): void
  readonly progress: Progress
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal
}

/** One subcommand, in commands/<name>.ts, named in commands/index.ts. */
export interface Command {
  /** One line for the list of commands. */
  readonly summary: string
  /** What follows the command's name, one form per line, e.g. `MODEL [--input-shape 1,3,224,224]`. */
  readonly usage: string
  /** Longer help: options and what the answer holds. */
  readonly help?: string
  /** `node:util` parseArgs options; `json` and `help` are added to every command. */
  readonly options: NonNullable<ParseArgsConfig['options']>
  readonly positionals: { readonly min: number; readonly max: number }
  /** Resolves to the exit code: 0 done, 1 a check failed. Errors thrown become one line on standard error. */
  run(context: CommandContext): Promise<0 | 1>
}

/** An option's text, or undefined when it was not given. */
export function option(context: CommandContext, name: string): string | undefined {
  const value = context.values[name]
  return typeof value === 'string' ? value : undefined
}

/** The positional argument at `index`. @throws UsageError when absent */
export function positional(context: CommandContext, index: number, name: string): string {
  const value = context.positionals[index]
  if (value === undefined) throw new UsageError(`${name} is missing`)
  return value
}

/** `1,3,224,224` as numbers. @throws UsageError */
export function numberList(text: string, name: string): number[] {
  const numbers = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  if (numbers.some((n) => !Number.isFinite(n)))
    throw new UsageError(`--${name} ${text}: numbers with commas are expected`)
  return numbers
}

/** A whole number of at least `min`. @throws UsageError */
export function wholeNumber(text: string, name: string, min: number): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isInteger(value) || value < min) {
    throw new UsageError(`--${name} ${text}: a whole number of at least ${min} is expected`)
  }
  return value
}
