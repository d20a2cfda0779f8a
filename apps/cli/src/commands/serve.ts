import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkServeValues, SERVE_HELP, SERVE_OPTIONS, serve } from '@roomful/signaling-server'
import { type Command, UsageError } from '../command.ts'

const repository = fileURLToPath(new URL('../../../../', import.meta.url))

/** `npm start` without installing and building. */
export const serveCommand: Command = {
  summary: 'serve the built page and the signalling on one port',
  usage: '[--http] [--port N] [--host ADDRESS] [--cert FILE --key FILE] [--new-room]',
  help: SERVE_HELP,
  options: SERVE_OPTIONS,
  positionals: { min: 0, max: 0 },
  async run(context) {
    const checked = checkServeValues({ ...context.values })
    if (!checked.ok) throw new UsageError(checked.message)
    const { cert, key } = checked.options
    const options = {
      ...checked.options,
      cert: cert === undefined ? undefined : context.path(cert),
      key: key === undefined ? undefined : context.path(key),
    }
    await serve(options, {
      dist: path.join(repository, 'dist'),
      stateFolder: path.join(repository, '.roomful'),
      print: context.print,
      signal: context.signal,
      redisUrl: process.env['REDIS_URL'],
      onReady: context.result,
    })
    return 0
  },
}
