import type { Clock, DeviceId, DeviceProfile } from '@roomful/core'
import type { ComputeModel } from '@roomful/planner'
import { type InstalledPlan, Runtime, type RuntimeOptions, type StagePart } from '@roomful/runtime'
import { FakeEngine, fakeEngines } from '@roomful/runtime/testing'
import type { FeatureMap } from '@roomful/tensor'
import type { Room } from '@roomful/transport'
import type { SimulatedModel } from '../model/simulated-model.ts'
import { partBytes, partMs } from '../model/stage-cost.ts'
import type { Truth } from '../room/truth.ts'
import { simulatedCodec, simulatedPictures, sizesOf } from './simulated-codec.ts'
import type { Usage } from './usage.ts'

/** Session building: megabytes of weights per second. [ours] */
const BUILD_BYTES_PER_MS = 200_000

export interface SimulatedDeviceOptions {
  readonly clock: Clock
  readonly room: Room
  readonly profile: DeviceProfile
  readonly truth: Truth
  readonly model: SimulatedModel
  readonly usage: Usage
  /** Share of requests answered at each of the model's exits under the plan in use. */
  readonly shares: () => readonly number[]
  readonly segmentMs: number
  readonly hooks?: Pick<RuntimeOptions, 'onTopologyChange' | 'onSwitched' | 'onMeasurement'>
}

/** A device with the browsers' runtime on engines and codecs that take the planner's time instead of computing. */
export class SimulatedDevice implements AsyncDisposable {
  readonly id: DeviceId
  readonly room: Room
  readonly runtime: Runtime

  constructor(options: SimulatedDeviceOptions) {
    const { clock, room, profile, truth, model } = options
    this.id = profile.id
    this.room = room
    const codec = () => truth.room.predictor.codec(profile.id)
    this.runtime = new Runtime({
      room,
      clock,
      codec: simulatedCodec(clock, codec, sizesOf(model.planned)),
      pictures: simulatedPictures(clock, codec, model.planned),
      engines: fakeEngines(
        profile.backends.map(
          ({ backend }) => new FakeEngine({ clock, backend, program: (bytes) => program(options, backend, bytes) }),
        ),
      ),
      library: { open: async () => model },
      limits: { segmentMs: options.segmentMs },
      // The same rule as in the browsers: it decides how short sessions must be.
      predictMs: (macs, backend) => {
        const speed = profile.backends.find((each) => each.backend === backend)
        return speed === undefined ? undefined : speed.overheadMs + macs / (speed.gmacsPerSecond * 1e6)
      },
      ...options.hooks,
    })
  }

  get current(): InstalledPlan | undefined {
    return this.runtime.current[0]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.runtime[Symbol.asyncDispose]()
    await this.room[Symbol.asyncDispose]()
  }
}

function program(options: SimulatedDeviceOptions, backend: ComputeBackend, bytes: Uint8Array) {
  const { profile, truth, model, usage, shares } = options
  const part = JSON.parse(new TextDecoder().decode(bytes)) as StagePart
  const trunk = model.trunk(part.trunk)
  let costMs = 0
  return {
    inputs: [part.from],
    outputs: [part.to],
    buildMs: partBytes(trunk, part) / BUILD_BYTES_PER_MS,
    get costMs() {
      return costMs
    },
    // Called when a run begins: the load of this moment holds for the whole of it.
    run: (inputs: Readonly<Record<string, FeatureMap>>) => {
      const compute: ComputeModel | undefined = truth.room.predictor.compute(profile.id, backend)
      costMs = compute === undefined ? 0 : partMs(trunk, part, compute)
      usage.computed(profile.id, backend, costMs)
      const input = inputs[part.from] ?? { dtype: 'float32', dims: [1], data: new Float32Array(1) }
      return { [part.to]: model.run(part, input, shares()) }
    },
  }
}

type ComputeBackend = DeviceProfile['backends'][number]['backend']
