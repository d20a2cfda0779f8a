import { serveEngine } from './engine-host.ts'
import { openEngine } from './open-engine.ts'
import { selfPort } from './self-port.ts'

// With two threads and more ONNX Runtime loads this very file again as its pthread, named 'em-pthread...', and expects
// nobody to take its messages: a handler here would hang InferenceSession.create for ever.
if (!self.name.startsWith('em-pthread')) serveEngine(selfPort(), openEngine)
