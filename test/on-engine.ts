/** Graphs without parameters, planned and run in a session that stays open for many of them. */

import type { Engine, Scalars, Session } from "../src/engines/engine.ts";
import { plan } from "../src/graph/plan.ts";
import type { Plan } from "../src/graph/planned.ts";
import { StateLayout } from "../src/graph/state-layout.ts";
import type { Numbers } from "../src/kernels/javascript.ts";
import type { Tensor } from "../src/ops/operation.ts";

const empty = new StateLayout();

/** A session for graphs whose tensors are inputs or computed. */
export function openEmpty<Values extends Numbers>(engine: Engine<Values>): Promise<Session<Values>> {
  return engine.open(empty);
}

/** The plan of tensors that depend on inputs alone; its outputs are called "0", "1", …. */
export function planOf(outputs: readonly Tensor[]): Plan {
  return plan({ outputs: Object.fromEntries(outputs.map((tensor, i) => [`${i}`, tensor])), state: empty });
}

/** The values of tensors, computed twice: what the first run leaves in memory must not matter to the second. */
export async function valuesOn<Values extends Numbers>(
  session: Session<Values>,
  outputs: readonly Tensor[],
  feeds: ReadonlyMap<Tensor, ArrayLike<number>>,
  scalars: Scalars = {},
): Promise<Values[]> {
  const program = await session.load(planOf(outputs));
  const inputs = Object.fromEntries([...feeds].map(([{ name }, values]) => [name, values]));
  await program.run(inputs, scalars);
  const found = await program.run(inputs, scalars);
  return outputs.map((_, i) => found[`${i}`].slice() as Values);
}
