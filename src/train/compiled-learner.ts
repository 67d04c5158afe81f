/** A network, its loss and its optimizer, compiled for an engine: one plan for each form and batch size, over one state. */

import type { Program, Scalars, Session } from "../engines/engine.ts";
import type { Plan } from "../graph/planned.ts";
import type { StateLayout } from "../graph/state-layout.ts";
import { initialValues } from "../nn/initializers.ts";
import { build, type Network } from "../nn/network.ts";
import { CheckpointError } from "../tensor/errors.ts";
import { formatShape, sameShape, size } from "../tensor/shape.ts";
import { seedOfPart } from "./accumulate.ts";
import type { Learner, StateTensor, StepResult } from "./learner.ts";
import type { LearnerOptions } from "./learner-options.ts";
import {
  type LearnerForm,
  learnerPlan,
  logitsOf,
  type PlanOptions,
  type Stretches,
} from "./learner-plans.ts";
import { learnerState } from "./learner-state.ts";
import { sgd } from "./optimizer.ts";

/** Compiles a model for training and evaluation. Dispose of it when done; the engine stays open. */
export async function createLearner(options: LearnerOptions): Promise<CompiledLearner> {
  // Two images, because batch norm over maps of 1×1 has no variance for one.
  const blueprint = build(options.model, { input: [2, ...options.imageShape], training: true });
  const optimizer = options.optimizer ?? sgd();
  const { state, stretches } = learnerState(blueprint, optimizer, options.microBatch);
  const session = await options.engine.open(state);
  if (options.initialize ?? true)
    for (const [name, values] of initialValues(blueprint, options.seed ?? 0)) session.write(name, values);
  return new CompiledLearner({ ...options, optimizer }, blueprint, state, stretches, session);
}

export class CompiledLearner implements Learner {
  readonly parameterCount: number;
  readonly classes: number;
  /** 1, or the pixels of a map of logits. */
  private readonly labelsPerImage: number;
  private readonly options: PlanOptions;
  private readonly layout: StateLayout;
  private readonly stretches: Stretches;
  private readonly session: Session;
  private readonly programs = new Map<string, Promise<Program>>();

  constructor(
    options: PlanOptions,
    blueprint: Network,
    layout: StateLayout,
    stretches: Stretches,
    session: Session,
  ) {
    this.options = options;
    this.layout = layout;
    this.stretches = stretches;
    this.session = session;
    this.parameterCount = blueprint.parameters.reduce((sum, each) => sum + size(each.shape), 0);
    const [, ...ofImage] = logitsOf(blueprint.outputs).shape;
    this.classes = ofImage[ofImage.length - 1];
    this.labelsPerImage = size(ofImage) / this.classes;
  }

  async trainStep(
    images: Float32Array,
    labels: Float32Array,
    count: number,
    { step, learningRate }: { step: number; learningRate: number },
  ): Promise<StepResult> {
    const seed = this.options.seed ?? 0;
    if (count > (this.options.microBatch ?? count)) {
      const result = await this.inParts(images, labels, count, "accumulate", (part) => ({
        seed: seedOfPart(seed, part),
        step,
      }));
      const program = await this.program("update", 0);
      return { ...result, gradientNorm: normOf(await program.run({}, { seed, step, learningRate })) };
    }
    const program = await this.program("train", count);
    return resultOf(await program.run({ x: images, labels }, { seed, step, learningRate }));
  }

  async evaluate(images: Float32Array, labels: Float32Array, count: number): Promise<StepResult> {
    if (count > (this.options.microBatch ?? count)) return this.inParts(images, labels, count, "evaluate");
    const program = await this.program("evaluate", count);
    return resultOf(await program.run({ x: images, labels }));
  }

  /** Runs a form on one part of a batch after the other; loss and logits are those of the whole. */
  private async inParts(
    images: Float32Array,
    labels: Float32Array,
    count: number,
    form: "accumulate" | "evaluate",
    scalars: (part: number) => Scalars = () => ({}),
  ): Promise<StepResult> {
    const most = this.options.microBatch ?? count;
    const [pixels, perImage] = [size(this.options.imageShape), this.labelsPerImage];
    const logits = new Float32Array(count * perImage * this.classes);
    let loss = 0;
    for (let part = 0, from = 0; from < count; part++, from += most) {
      const to = Math.min(from + most, count);
      const share = (to - from) / count;
      const program = await this.program(form, to - from);
      const inputs = {
        x: images.subarray(from * pixels, to * pixels),
        labels: labels.subarray(from * perImage, to * perImage),
        ...(form === "accumulate" ? { share: [share], kept: [part === 0 ? 0 : 1] } : {}),
      };
      const outputs = await program.run(inputs, scalars(part));
      logits.set(outputs.logits, from * perImage * this.classes);
      loss += share * outputs.loss[0];
    }
    return { loss, logits, gradientNorm: Number.NaN };
  }

  /** The plan of a form at a batch size, which "update" does not depend on: `describe` prints it. */
  plan(form: LearnerForm, count: number): Plan {
    return learnerPlan(form, count, this.options, this.layout, this.stretches);
  }

  state(): Map<string, StateTensor> {
    return new Map(
      [...this.layout.entries.values()].map(({ name, shape, kind }) => [
        name,
        { shape, kind, data: this.session.read(name) },
      ]),
    );
  }

  restore(state: ReadonlyMap<string, StateTensor>): void {
    const problems: string[] = [];
    for (const { name, shape } of this.layout.entries.values()) {
      const given = state.get(name);
      if (given === undefined) problems.push(`${name} ${formatShape(shape)} is missing`);
      else if (!sameShape(given.shape, shape))
        problems.push(
          `${name} has shape ${formatShape(given.shape)}, but the model takes ${formatShape(shape)}`,
        );
    }
    for (const name of state.keys())
      if (!this.layout.entries.has(name)) problems.push(`${name} is not in the model`);
    if (problems.length > 0)
      throw new CheckpointError(`the state does not fit the model: ${problems.join("; ")}.`, { problems });
    for (const [name, { data }] of state) this.session.write(name, data);
  }

  dispose(): void {
    this.session.dispose();
  }

  /** The compiled program of a form at a batch size: profiles run it step by step. */
  program(form: LearnerForm, count: number): Promise<Program> {
    const key = `${form} ${count}`;
    const known = this.programs.get(key);
    if (known !== undefined) return known;
    const program = this.session.load(this.plan(form, count));
    this.programs.set(key, program);
    return program;
  }
}

function resultOf(outputs: Record<string, Float32Array>): StepResult {
  return { loss: outputs.loss[0], logits: outputs.logits, gradientNorm: normOf(outputs) };
}

/** The norm of all gradients, NaN where it was not asked for. */
function normOf({ squaredNorm }: Record<string, Float32Array>): number {
  return squaredNorm === undefined ? Number.NaN : Math.sqrt(squaredNorm[0]);
}
