import type { TensorName } from '@roomful/core'
import type { ModelPackage } from '@roomful/model'
import type { FeatureMap } from '@roomful/tensor'
import { CommandError } from '../command.ts'
import { NodeSession } from '../ort/session.ts'

/** A sub-model with one input and one output. */
export interface Stage {
  readonly from: TensorName
  readonly to: TensorName
  readonly session: NodeSession
}

/** The model as a room would run it: the trunk cut at `stops`, every exit's branch a model of its own; other trunks. */
export class Stages implements AsyncDisposable {
  readonly trunk: readonly Stage[]
  /** In the manifest's order. */
  readonly exits: readonly Stage[]
  /** The manifest's other trunks, whole, in order. */
  readonly otherTrunks: readonly Stage[]

  private constructor(trunk: readonly Stage[], exits: readonly Stage[], otherTrunks: readonly Stage[]) {
    this.trunk = trunk
    this.exits = exits
    this.otherTrunks = otherTrunks
  }

  /** `stops`: partition points in the order of the network. */
  static async load(model: ModelPackage, stops: readonly TensorName[]): Promise<Stages> {
    const { manifest } = model
    const at = [manifest.input.tensor, ...stops, manifest.final.output]
    const trunk: Stage[] = []
    const exits: Stage[] = []
    for (const [i, to] of at.slice(1).entries()) trunk.push(await load(model, at[i] as TensorName, to))
    for (const exit of manifest.exits) exits.push(await load(model, exit.from, exit.output))
    const others: Stage[] = []
    for (const { name, output } of manifest.trunks.slice(1)) {
      others.push(await load(model, manifest.input.tensor, output, name))
    }
    return new Stages(trunk, exits, others)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stage of [...this.trunk, ...this.exits, ...this.otherTrunks]) await stage.session[Symbol.asyncDispose]()
  }
}

async function load(model: ModelPackage, from: TensorName, to: TensorName, trunk = 'main'): Promise<Stage> {
  const bytes = await model.subModel({ from, to, trunk })
  return { from, to, session: await NodeSession.create(bytes, { optimise: true }) }
}

/** Runs one stage. @throws CommandError when its output is absent */
export async function runStage(stage: Stage, map: FeatureMap): Promise<FeatureMap> {
  const outputs = await stage.session.run({ [stage.from]: map })
  const output = outputs[stage.to]
  if (output === undefined) throw new CommandError('check', `the stage to ${stage.to} gave no such tensor`)
  return output
}
