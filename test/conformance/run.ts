/** Runs a conformance case on an engine, and in double precision on the reference. */

import { expect } from "vitest";
import type { Engine } from "../../src/engines/engine.ts";
import { orderOf } from "../../src/graph/order.ts";
import { plan } from "../../src/graph/plan.ts";
import { StateLayout } from "../../src/graph/state-layout.ts";
import type { Numbers } from "../../src/kernels/javascript.ts";
import type { Tensor } from "../../src/ops/operation.ts";
import { compile } from "../compute.ts";
import { type Built, feedsOf, toleranceOf } from "./case.ts";

/** The outputs in double precision, from the float32 values that engines are fed. */
export function expected(built: Built): Float64Array[] {
  const values = compile(built.outputs)(feedsOf(built), { ...built.scalars });
  return values.map((each) => Float64Array.from(each));
}

/** The outputs as an engine computes them, through a plan. */
export async function computed(engine: Engine<Numbers>, built: Built): Promise<Numbers[]> {
  const feeds = feedsOf(built);
  const sources = orderOf(built.outputs).filter((tensor) => tensor.node === undefined);
  const lasting = sources.filter(({ role }) => role !== "input");
  const state = new StateLayout();
  state.append(
    "lasting",
    lasting.map(({ name, shape, kind = "vector" }) => ({ name, shape, kind })),
  );
  const session = await engine.open(state);
  try {
    for (const tensor of lasting) session.write(tensor.name, valuesOf(feeds, tensor));
    const outputs = Object.fromEntries(built.outputs.map((tensor, i) => [`${i}`, tensor]));
    const program = await session.load(plan({ outputs, state }));
    const inputs = Object.fromEntries(
      sources.filter(({ role }) => role === "input").map((tensor) => [tensor.name, valuesOf(feeds, tensor)]),
    );
    // Twice: what the first run leaves behind in memory must not matter to the second.
    await program.run(inputs, built.scalars);
    const found = await program.run(inputs, built.scalars);
    return built.outputs.map((_, i) => found[i].slice());
  } finally {
    session.dispose();
  }
}

/** Compares the outputs of an engine whose numbers have so many bits with those in double precision. */
export function expectClose(
  built: Built,
  found: readonly Numbers[],
  truth: readonly Float64Array[],
  bits: 32 | 64 = 32,
): void {
  for (const [i, { name, shape }] of built.outputs.entries()) {
    const [ours, theirs] = [found[i], truth[i]];
    expect(ours.length, `length of output ${i}`).toBe(theirs.length);
    const scale = theirs.reduce((greatest, each) => Math.max(greatest, Math.abs(each)), 1);
    const allowed = toleranceOf(built, bits) * scale;
    let worst = 0;
    // Not "less than or equal": an output that is not a number must fail.
    for (const at of theirs.keys())
      if (!(Math.abs(ours[at] - theirs[at]) <= Math.abs(ours[worst] - theirs[worst]))) worst = at;
    const error = Math.abs(ours[worst] - theirs[worst]);
    const what = `output ${i}, ${name} [${shape.join(", ")}], element ${worst}: ${ours[worst]} against ${theirs[worst]}`;
    expect(error, what).toBeLessThanOrEqual(allowed);
  }
}

function valuesOf(feeds: ReadonlyMap<Tensor, Float32Array>, tensor: Tensor): Float32Array {
  const values = feeds.get(tensor);
  if (values === undefined) throw new Error(`no values for ${tensor.name}`);
  return values;
}
