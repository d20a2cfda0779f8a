import { selfPort } from '../worker/self-port.ts'
import { serveCodec } from './codec-host.ts'

serveCodec(selfPort())
