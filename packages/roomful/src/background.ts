import { type Clock, type DeviceProfile, errorText } from '@roomful/core'
import { benchmarkStorage } from '@roomful/engine'
import type { Runtime } from '@roomful/runtime'
import { measureAlone } from './alone.ts'
import type { Asking } from './asking.ts'
import type { SelfMeasurement } from './compute/self-measurement.ts'
import { followPressure } from './device/follow-pressure.ts'
import type { Lending } from './device/lending.ts'
import type { RecentPictures } from './picture/recent-pictures.ts'
import type { Planning } from './plan/planning.ts'
import type { PlanningDesk } from './plan/planning-desk.ts'
import { practise } from './plan/practice.ts'
import type { SnapshotStore } from './view/store.ts'

export interface BackgroundOptions {
  readonly runtime: Runtime
  readonly desk: PlanningDesk
  readonly asking: Asking
  readonly planning: Planning
  readonly pictures: RecentPictures
  readonly measurement: SelfMeasurement
  readonly lending: Lending
  readonly store: SnapshotStore
  readonly clock: Clock
  readonly self: () => DeviceProfile
  readonly update: (change: Pick<Partial<DeviceProfile>, 'load' | 'storage'>) => void
  readonly signal: AbortSignal
}

/** What a device that computes does beside its requests until it leaves: measures itself, follows its load, practises. */
export function startBackground(options: BackgroundOptions): void {
  const { measurement, lending, store, update, signal } = options
  const onStretch = followPressure({ ...options, update: (load) => update({ load }) }, signal)
  const background = [
    measurement.first(),
    benchmarkStorage().then((storage) => update({ storage })),
    measureAlone(options),
    practise({ ...options, mayPractise: () => lending.awake, onStretch }),
  ]
  for (const work of background) {
    work.catch((error: unknown) => {
      if (!signal.aborted) store.say('warning', errorText(error))
    })
  }
}
