import { errorText } from '@roomful/core'
import { EngineError } from '../engine.ts'

type Reason = EngineError['reason']

/** ONNX Runtime reports by text. The first rule that matches names the reason; order matters. */
const RULES: readonly (readonly [RegExp, Reason])[] = [
  [/device (is |was )?lost|lost device|gpudevice.*lost|external instance reference/i, 'lost'],
  [
    /out of memory|bad_alloc|failed to allocate|allocation failed|could not allocate|memory\.grow|safeint|integer overflow/i,
    'memory',
  ],
  [/aborted\(|unreachable|memory access out of bounds|table index is out of bounds|null function/i, 'lost'],
  [
    /not.?implemented|could not find an implementation|no op registered|unsupported|not a registered function/i,
    'unsupported',
  ],
  [
    /no available backend|failed to (get|request) .*adapter|webgpu is not supported|failed to fetch|importing a module/i,
    'unavailable',
  ],
  [
    /invalid dimensions|invalid rank|unexpected input data type|feeds|missing input|invalid feed|shape mismatch/i,
    'shape',
  ],
]

/** Any error out of ONNX Runtime as an EngineError; EngineErrors pass. */
export function ortError(cause: unknown, doing: string): EngineError {
  if (cause instanceof EngineError) return cause
  // Emscripten throws C++ exceptions that it cannot describe as a bare number: in practice std::bad_alloc.
  if (typeof cause === 'number') {
    return new EngineError('memory', `${doing}: the WASM heap is full; free sessions or use a smaller part`, { cause })
  }
  const text = errorText(cause)
  const reason = RULES.find(([pattern]) => pattern.test(text))?.[1] ?? 'malformed'
  return new EngineError(reason, `${doing}: ${text}`, { cause })
}
