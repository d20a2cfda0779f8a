import path from 'node:path'
import { parseArgs } from 'node:util'
import { errorText } from '@roomful/core'
import { type Command, type CommandContext, UsageError } from './command.ts'
import { commands } from './commands/index.ts'
import { type ErrorStream, Progress } from './progress.ts'

/** What the command line touches of the process. */
export interface Host {
  readonly stdout: { write(text: string): unknown }
  readonly stderr: ErrorStream
  /** The caller's folder. */
  readonly cwd: string
  readonly signal: AbortSignal
}

/** Runs `argv` (without node and script). Resolves to the exit code: 0 done, 1 refused or failed, 2 wrong usage. */
export async function runCommandLine(argv: readonly string[], host: Host): Promise<number> {
  const [name, ...rest] = argv
  try {
    if (name === undefined) throw new UsageError('a command is missing; `roomful --help` lists them')
    if (name === '--help' || name === '-h' || name === 'help') {
      host.stdout.write(await overview())
      return 0
    }
    const load = Object.hasOwn(commands, name) ? commands[name] : undefined
    if (load === undefined) {
      throw new UsageError(`unknown command ${name}; there are ${Object.keys(commands).join(', ')}`)
    }
    const command = await load()
    if (rest.includes('--help') || rest.includes('-h')) {
      host.stdout.write(help(name, command))
      return 0
    }
    return await command.run(parse(name, command, rest, host))
  } catch (error) {
    if (host.signal.aborted) return 130
    host.stderr.write(`roomful: ${oneLine(errorText(error))}\n`)
    return error instanceof UsageError ? 2 : 1
  }
}

function parse(name: string, command: Command, argv: readonly string[], host: Host): CommandContext {
  const options = { ...command.options, json: { type: 'boolean' as const } }
  let parsed: ReturnType<typeof parseArgs>
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new UsageError(`${name}: ${errorText(error)}`)
  }
  const { min, max } = command.positionals
  const given = parsed.positionals.length
  if (given < min || given > max) {
    throw new UsageError(`usage: roomful ${name} ${command.usage.split('\n')[0]}`)
  }
  const values: Record<string, string | boolean | undefined> = {}
  for (const [key, value] of Object.entries(parsed.values)) if (!Array.isArray(value)) values[key] = value
  const json = values['json'] === true
  return {
    positionals: parsed.positionals,
    values,
    json,
    path: (relative) => path.resolve(host.cwd, relative),
    print: (line) => {
      if (!json) host.stdout.write(`${line}\n`)
    },
    warn: (line) => host.stderr.write(`roomful: ${oneLine(line)}\n`),
    result: (value) => {
      if (json) host.stdout.write(`${JSON.stringify(value)}\n`)
    },
    progress: new Progress(host.stderr),
    signal: host.signal,
  }
}

async function overview(): Promise<string> {
  const lines = ['Usage: npm run roomful -- COMMAND ...   (each command: --help, --json)', '']
  for (const [name, load] of Object.entries(commands)) lines.push(`  ${name.padEnd(10)}${(await load()).summary}`)
  return `${lines.join('\n')}\n`
}

function help(name: string, command: Command): string {
  const forms = command.usage.split('\n').map((form) => `  npm run roomful -- ${name} ${form}`)
  return `${[command.summary, '', ...forms, ...(command.help === undefined ? [] : ['', command.help.trim()])].join('\n')}\n`
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ')
}
