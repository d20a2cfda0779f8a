import { errorText } from '@roomful/core'

/** Of what went wrong, for a note: errors of browsers go on with a stack. */
export const firstLine = (error: unknown): string => errorText(error).split('\n')[0] ?? ''
