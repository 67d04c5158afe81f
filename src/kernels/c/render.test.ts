import { expect, test } from "vitest";
import { planOf } from "../../../test/on-engine.ts";
import { conv2dInputGradient } from "../../ops/conv2d.ts";
import { input, type Tensor } from "../../ops/operation.ts";
import { relu } from "../../ops/relu.ts";
import { sum } from "../../ops/sum.ts";
import { render } from "./render.ts";

/** Renders for a machine with vectors of 16 numbers. */
function rendered(y: Tensor, threads = 1) {
  const { steps, layouts, preparation } = planOf([y]);
  return render(steps, layouts, {
    machine: { threads, lanes: 16, registers: 32 },
    winograd: true,
    constants: new Set(),
    preparation,
  });
}

test("tells how far kernels read beyond the end of memory", () => {
  // A vector's length, whatever is done.
  expect(rendered(relu({ x: input("x", [100]) }, {})).slackBytes).toBe(64);
  // A panel of 8 columns for 3 channels of a group: at most place (7, 1, 3) of 27 rows of 8, 40 places after the last.
  const [dy, weight] = [input("dy", [2, 5, 5, 8]), input("weight", [3, 3, 3, 8])];
  const dx = conv2dInputGradient({ dy, weight }, { padding: 1, groups: 2, inputShape: [2, 5, 5, 6] });
  expect(rendered(dx).slackBytes).toBe(4 * 40 + 64);
  // 10,007 rows in chunks of equal length: the last goes on for the rows that are missing.
  const total = sum({ x: input("x", [10_007, 24]) }, { axes: [0] });
  const { slackBytes } = rendered(total);
  const chunk = Math.ceil(10_007 / 128);
  expect(slackBytes).toBe(4 * 24 * (chunk * Math.ceil(10_007 / chunk) - 10_007) + 64);
});

test("layers of the same shapes share a kernel", () => {
  const [a, b] = [input("a", [64, 7]), input("b", [64, 7])];
  const { steps, layouts } = planOf([relu({ x: a }, {}), relu({ x: b }, {})]);
  const machine = { threads: 1, lanes: 16, registers: 32 } as const;
  const { kernels, steps: launches } = render(steps, layouts, {
    ...{ machine, winograd: true, constants: new Set(), preparation: 0 },
  });
  expect([kernels.length, launches.flat().length]).toEqual([1, 2]);
  const [first, second] = launches.flat();
  expect(first.name).toBe(second.name);
  expect(first.places).not.toEqual(second.places);
});
