import { selfPort, serveCalls } from '@roomful/engine'
import { type PlanningCalls, planningHandlers } from './planning-calls.ts'
import { PlanningHost } from './planning-host.ts'

serveCalls<PlanningCalls>(selfPort(), planningHandlers(new PlanningHost()), () => [])
