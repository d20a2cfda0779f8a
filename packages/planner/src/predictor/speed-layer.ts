import type { BackendSpeed, LayerShape } from '@roomful/core'
import { costsOfProfile } from './coefficients.ts'
import { addLayer } from './layer-work.ts'
import { emptyWork, type WorkCosts, workMs } from './work.ts'

/** The layer of the speed test: 64 channels, 3 x 3, 40 x 40. */
const SPEED_LAYER: LayerShape = {
  kind: 'conv',
  inputChannels: 64,
  outputChannels: 64,
  groups: 1,
  taps: 9,
  stride: 1,
  rows: 40,
  columns: 40,
}
const SPEED_GMACS = (64 * 64 * 9 * 40 * 40) / 1e9

/** How many 10^9 multiply-accumulates per second a backend of these costs computes in the speed test. */
export function speedOfCosts(costs: WorkCosts): number {
  return SPEED_GMACS / (workMs(addLayer(emptyWork(), SPEED_LAYER), costs) / 1e3)
}

/** The speed by which a backend's times are predicted: that of its fitted costs, else the speed test's own. */
export const predictedSpeed = (speed: BackendSpeed): number => speedOfCosts(costsOfProfile(speed))
