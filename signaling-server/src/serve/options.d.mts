export interface ServeOptions {
  readonly http: boolean
  readonly port: number
  readonly host: string
  readonly cert: string | undefined
  readonly key: string | undefined
  /** Forget the kept room key and make a new one. */
  readonly newRoom: boolean
}
export type ServeOptionsResult = { ok: true; options: ServeOptions } | { ok: false; message: string }

/** For node:util parseArgs. */
export declare const SERVE_OPTIONS: Readonly<Record<string, { readonly type: 'boolean' | 'string' }>>
/** The options, one per line, for help texts. */
export declare const SERVE_HELP: string
export declare function checkServeValues(values: Record<string, string | boolean | undefined>): ServeOptionsResult
export declare function parseServeOptions(argv: readonly string[]): ServeOptionsResult | { ok: 'help' }
