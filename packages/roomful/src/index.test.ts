import { describe, expect, it } from 'vitest'
import * as library from './index.ts'

describe('the public library', () => {
  it('exports every class of error that reaches a caller, each with a name that no minifier changes', () => {
    const errors = {
      RoomfulError: new library.RoomfulError('left', ''),
      RuntimeError: new library.RuntimeError('deadline', ''),
      TransportError: new library.TransportError('timeout', ''),
      ProtocolError: new library.ProtocolError('version', ''),
      EngineError: new library.EngineError('lost', ''),
      ModelError: new library.ModelError('corrupt', ''),
      PlanError: new library.PlanError('malformed', ''),
    }
    for (const [name, error] of Object.entries(errors)) {
      expect(error).toBeInstanceOf(library.ReasonedError)
      expect(error.name).toBe(name)
    }
  })

  it('names errors by what their class says, not by what the class is called in this build', () => {
    const { RoomfulError } = library
    const Minified = class H extends RoomfulError {}
    expect(new Minified('left', '').name).toBe('RoomfulError')
    expect(new (class Hf extends library.ReasonedError {})('any', '').name).toBe('ReasonedError')
  })
})
