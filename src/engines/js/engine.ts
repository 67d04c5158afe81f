/** The reference engine: plans run by plain JavaScript functions, one thread, float32 in memory and double in between. */

import type { Plan } from "../../graph/planned.ts";
import type { StateLayout } from "../../graph/state-layout.ts";
import { compileJavaScript, type JavaScriptKernel, renderJavaScript } from "../../kernels/javascript.ts";
import { ShapeError } from "../../tensor/errors.ts";
import { size } from "../../tensor/shape.ts";
import type { Engine, Program, Scalars, Session, StepEnded } from "../engine.ts";
import { collect, feed } from "../feed.ts";

export function jsEngine(): Engine {
  return {
    name: "js",
    threads: 1,
    open: (state) => Promise.resolve(new JsSession(state)),
    dispose() {},
  };
}

class JsSession implements Session {
  private readonly layout: StateLayout;
  private readonly state: Float32Array;
  /** Counts changes of the state: what programs have prepared from an earlier one is no longer true. */
  private version = 0;

  constructor(layout: StateLayout) {
    this.layout = layout;
    this.state = new Float32Array(layout.elements);
  }

  load(plan: Plan): Promise<Program> {
    const buffers = [
      new Float32Array(plan.workElements),
      this.state,
      new Float32Array(plan.preparedElements),
    ];
    let preparedFor = -1;
    const kernels = plan.steps.map(
      ({ formula, target }): JavaScriptKernel =>
        compileJavaScript(renderJavaScript(formula, target, plan.layouts)),
    );
    const run = (
      inputs: Readonly<Record<string, ArrayLike<number>>>,
      scalars: Scalars = {},
      ended?: StepEnded,
    ) => {
      feed(plan, inputs, (layout, values) => buffers[layout.buffer].set(values, layout.offset));
      const began = performance.now();
      for (const [step, kernel] of kernels.entries()) {
        if (step < plan.preparation && preparedFor === this.version) continue;
        kernel(buffers, { seed: 0, step: 0, learningRate: 0, ...scalars });
        ended?.(step, performance.now() - began);
      }
      if (plan.changesState) this.version++;
      preparedFor = this.version;
      return collect(plan, ({ buffer, offset }, elements) =>
        buffers[buffer].subarray(offset, offset + elements),
      );
    };
    return Promise.resolve({ plan, run: async (inputs, scalars, ended) => run(inputs, scalars, ended) });
  }

  read(name: string): Float32Array {
    const [from, to] = this.range(name);
    return this.state.slice(from, to);
  }

  write(name: string, values: ArrayLike<number>): void {
    const [from, to] = this.range(name);
    if (values.length !== to - from)
      throw new ShapeError(`${name} takes ${to - from} numbers, but ${values.length} came.`);
    this.state.set(values, from);
    this.version++;
  }

  dispose(): void {}

  private range(name: string): [number, number] {
    const entry = this.layout.entries.get(name);
    if (entry === undefined) throw new ShapeError(`the model's state has no ${name}.`, { name });
    return [entry.offset, entry.offset + size(entry.shape)];
  }
}
