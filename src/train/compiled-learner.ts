/** A network, its loss and its optimizer, compiled for an engine: one plan for each form and batch size, over one state. */

import type { Engine, Program, Session } from "../engines/engine.ts";
import { gradients } from "../graph/backward.ts";
import { plan } from "../graph/plan.ts";
import type { Plan } from "../graph/planned.ts";
import { type Recomputation, recomputing } from "../graph/recompute.ts";
import { StateLayout } from "../graph/state-layout.ts";
import { initialValues } from "../nn/initializers.ts";
import { build, type NamedTensors, type Network } from "../nn/network.ts";
import type { Layer } from "../nn/scope.ts";
import { crossEntropy } from "../ops/cross-entropy.ts";
import { input, type Tensor } from "../ops/operation.ts";
import { within } from "../ops/place.ts";
import { CheckpointError, ShapeError } from "../tensor/errors.ts";
import { formatShape, sameShape, size } from "../tensor/shape.ts";
import type { Learner, StateTensor, StepResult } from "./learner.ts";
import { type OptimizerOptions, sgd } from "./optimizer.ts";
import { needsVelocity, sgdUpdates } from "./update.ts";

export interface LearnerOptions {
  /** The model: images [n, h, w, c] to logits [n, classes], or to several outputs of which one is "logits". */
  readonly model: Layer<Tensor | NamedTensors>;
  readonly imageShape: readonly [h: number, w: number, c: number];
  readonly engine: Engine;
  /** Default: plain SGD. */
  readonly optimizer?: OptimizerOptions;
  /** Draws the initial values and dropout. Default 0. */
  readonly seed?: number;
  /** Of the default loss, in [0, 1). Default 0. */
  readonly labelSmoothing?: number;
  /** The loss, one number, from outputs and integer labels [n]. Default: mean cross-entropy of "logits". */
  readonly loss?: (outputs: NamedTensors, labels: Tensor) => Tensor;
  /**
   * What the backward pass computes again rather than keep in memory: "activations" costs a pass over memory each, "blocks" about
   * another forward pass. The results are the same to the bit. Default "none".
   */
  readonly recompute?: Recomputation;
}

/** Compiles a model for training and evaluation. Dispose of it when done; the engine stays open. */
export async function createLearner(options: LearnerOptions): Promise<CompiledLearner> {
  const blueprint = build(options.model, { input: [1, ...options.imageShape], training: true });
  const optimizer = options.optimizer ?? sgd();
  const state = new StateLayout();
  const parameters = state.append("parameters", blueprint.parameters);
  const velocity = needsVelocity(optimizer)
    ? state.append(
        "velocity",
        blueprint.parameters.map((each) => ({ ...each, name: `optimizer.${each.name}.velocity` })),
      )
    : undefined;
  state.append("states", blueprint.states);
  if (parameters === undefined)
    throw new ShapeError("the model has no parameters: there is nothing to train.");
  const session = await options.engine.open(state);
  for (const [name, values] of initialValues(blueprint, options.seed ?? 0)) session.write(name, values);
  return new CompiledLearner({ ...options, optimizer }, blueprint, state, parameters, velocity, session);
}

export class CompiledLearner implements Learner {
  readonly parameterCount: number;
  readonly classes: number;
  private readonly options: LearnerOptions & { readonly optimizer: OptimizerOptions };
  private readonly layout: StateLayout;
  private readonly parameters: Tensor;
  private readonly velocity: Tensor | undefined;
  private readonly session: Session;
  private readonly programs = new Map<string, Promise<Program>>();

  constructor(
    options: LearnerOptions & { readonly optimizer: OptimizerOptions },
    blueprint: Network,
    layout: StateLayout,
    parameters: Tensor,
    velocity: Tensor | undefined,
    session: Session,
  ) {
    this.options = options;
    this.layout = layout;
    this.parameters = parameters;
    this.velocity = velocity;
    this.session = session;
    this.parameterCount = blueprint.parameters.reduce((sum, each) => sum + size(each.shape), 0);
    this.classes = logitsOf(blueprint.outputs).shape[1];
  }

  async trainStep(
    images: Float32Array,
    labels: Float32Array,
    count: number,
    { step, learningRate }: { step: number; learningRate: number },
  ): Promise<StepResult> {
    const program = await this.program("train", count);
    const seed = this.options.seed ?? 0;
    return resultOf(await program.run({ x: images, labels }, { seed, step, learningRate }));
  }

  async evaluate(images: Float32Array, labels: Float32Array, count: number): Promise<StepResult> {
    const program = await this.program("evaluate", count);
    return resultOf(await program.run({ x: images, labels }));
  }

  /** The plan of a form at a batch size: `describe` prints it. */
  plan(form: "train" | "evaluate", count: number): Plan {
    const { model, imageShape, optimizer, labelSmoothing = 0 } = this.options;
    const training = form === "train";
    const network = build(model, { input: [count, ...imageShape], training });
    const labels = input("labels", [count]);
    const lossOf =
      this.options.loss ?? ((outputs) => crossEntropy({ x: logitsOf(outputs), labels }, { labelSmoothing }));
    const loss = within("loss", () => lossOf(network.outputs, labels));
    const outputs = { loss, logits: logitsOf(network.outputs) };
    if (!training) return plan({ outputs, state: this.layout });
    const found = gradients(
      loss,
      network.parameters.map((each) => each.tensor),
    );
    const missing = network.parameters.filter((_, i) => found[i] === undefined).map((each) => each.name);
    if (missing.length > 0)
      throw new ShapeError(`the loss does not depend on ${missing.join(", ")}: leave these parameters out.`, {
        missing,
      });
    const step = sgdUpdates(
      {
        parameters: this.parameters,
        velocity: this.velocity,
        gradients: found.filter((each) => each !== undefined),
      },
      optimizer,
    );
    const results = {
      outputs: { ...outputs, ...(step.gradientNorm === undefined ? {} : { squaredNorm: step.gradientNorm }) },
      updates: [...network.updates.map(({ state, value }) => ({ target: state, value })), ...step.updates],
    };
    return plan({ ...recomputing(results, loss, this.options.recompute ?? "none"), state: this.layout });
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
  program(form: "train" | "evaluate", count: number): Promise<Program> {
    const key = `${form} ${count}`;
    const known = this.programs.get(key);
    if (known !== undefined) return known;
    const program = this.session.load(this.plan(form, count));
    this.programs.set(key, program);
    return program;
  }
}

function logitsOf(outputs: NamedTensors): Tensor {
  const logits = outputs.logits;
  if (logits?.shape.length === 2) return logits;
  const came = Object.entries(outputs).map(([name, { shape }]) => `${name} ${formatShape(shape)}`);
  throw new ShapeError(`the model must return logits [n, classes]; it returns ${came.join(", ")}.`, {
    outputs: came,
  });
}

function resultOf(outputs: Record<string, Float32Array>): StepResult {
  const { loss, logits, squaredNorm } = outputs;
  return {
    loss: loss[0],
    logits,
    gradientNorm: squaredNorm === undefined ? Number.NaN : Math.sqrt(squaredNorm[0]),
  };
}
