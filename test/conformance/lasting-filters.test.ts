/** What an engine keeps of lasting filters from run to run is theirs, whatever layers and programs compute between. */

import { afterEach, describe, expect, it } from "vitest";
import type { Engine } from "../../src/engines/engine.ts";
import { plan } from "../../src/graph/plan.ts";
import { StateLayout } from "../../src/graph/state-layout.ts";
import { conv2d } from "../../src/ops/conv2d.ts";
import { input, parameter, type Tensor } from "../../src/ops/operation.ts";
import { type Shape, size } from "../../src/tensor/shape.ts";
import { compile } from "../compute.ts";
import { engines } from "./engines.ts";

const open: Engine[] = [];
afterEach(() => {
  for (const engine of open.splice(0)) engine.dispose();
});

/** Whole numbers from −3 to 3. */
const whole = (shape: Shape) => Float32Array.from({ length: size(shape) }, (_, i) => ((i * 31) % 7) - 3);

describe.each(engines)("$name", ({ start }) => {
  // Filters for few pixels are read as they lie, for many they are packed; many filters for few pixels are transformed as they are used.
  it.each([
    [2, 4, [16, 32, 24, 16]],
    [2, 8, [16, 32, 24, 16]],
    [2, 32, [16, 32, 24, 16]],
    [1, 7, [48, 256, 64, 16]],
    [1, 8, [64, 256, 64, 16]],
    [3, 4, [32, 64, 64, 16]],
  ])("convolves %i images of %i, layer after layer and run after run", async (images, edge, channels) => {
    const engine = await start();
    open.push(engine);
    const filters = [0, 1, 2].map((i) => parameter(`w${i}`, [3, 3, channels[i], channels[i + 1]], "filter"));
    const layout = new StateLayout();
    layout.append(
      "parameters",
      filters.map(({ name, shape }) => ({ name, shape, kind: "filter" as const })),
    );
    const session = await engine.open(layout);
    const x = input("x", [images, edge, edge, channels[0]]);
    const y = filters.reduce<Tensor>(
      (map, weight) => conv2d({ x: map, weight, bias: undefined }, { padding: 1 }),
      x,
    );
    const program = await session.load(plan({ outputs: { y }, state: layout }));
    for (const sign of [1, -1]) {
      const feeds = new Map<Tensor, Float32Array>([[x, whole(x.shape)]]);
      for (const weight of filters) {
        const values = Float32Array.from(
          { length: size(weight.shape) },
          (_, i) => sign * (((i * 7) % 3) - 1),
        );
        feeds.set(weight, values);
        session.write(weight.name, values);
      }
      const truth = Float64Array.from(compile([y])(feeds)[0]);
      const greatest = truth.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
      for (let run = 0; run < 3; run++) {
        const { y: found } = await program.run({ x: whole(x.shape) });
        const worst = truth.reduce((most, each, i) => Math.max(most, Math.abs(each - found[i])), 0);
        // Three layers of F(4×4, 3×3) lose up to four digits; filters of another layer would lose all.
        expect(worst).toBeLessThan(1e-3 * greatest);
      }
    }
  });
});
