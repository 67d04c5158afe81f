import { expect, test } from "vitest";
import { planOf } from "../../../test/on-engine.ts";
import { constantsOf } from "../../engines/constants.ts";
import { jsEngine } from "../../engines/js/engine.ts";
import type { Plan } from "../../graph/planned.ts";
import { cifarResNet } from "../../models/cifar-resnet.ts";
import { add } from "../../ops/add.ts";
import { conv2dInputGradient } from "../../ops/conv2d.ts";
import { input, type Tensor } from "../../ops/operation.ts";
import { relu } from "../../ops/relu.ts";
import { sum } from "../../ops/sum.ts";
import { createLearner } from "../../train/compiled-learner.ts";
import { type Rendered, render } from "./render.ts";
import { buffers } from "./target.ts";

/** Renders for a machine with vectors of 16 numbers. */
function rendered(y: Tensor, threads = 1) {
  const { steps, layouts, preparation } = planOf([y]);
  return render(steps, layouts, {
    machine: { threads, numberBytes: 4, lanes: 16, registers: 32 },
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
  const machine = { threads: 1, numberBytes: 4, lanes: 16, registers: 32 } as const;
  const { kernels, steps: launches } = render(steps, layouts, {
    ...{ machine, winograd: true, constants: new Set(), preparation: 0 },
  });
  expect([kernels.length, launches.flat().length]).toEqual([1, 2]);
  const [first, second] = launches.flat();
  expect(first.name).toBe(second.name);
  expect(first.places).not.toEqual(second.places);
});

/** Launches of each step with the text of their kernels; places in kept memory count from the first of the step. */
function texts({ kernels, steps }: Rendered) {
  // Names of functions alone: loops have short ones, too.
  const nameless = (text: string) => text.replaceAll(/\bk\d+(?=\(|_[fh]\d)/g, "NAME");
  const textOf = new Map(kernels.map(({ name, text }) => [name, nameless(text)]));
  return steps.map((launches) => {
    const kept = launches.flatMap(({ places }) => places.filter(({ buffer }) => buffer === buffers.kept));
    const from = Math.min(...kept.map(({ offset }) => offset));
    return launches.map(({ name, places, tasks, constant }) => ({
      ...{ text: textOf.get(name), tasks, constant },
      places: places.map(({ buffer, offset }) => [buffer, buffer === buffers.kept ? offset - from : offset]),
    }));
  });
}

test.each(["train", "evaluate"] as const)(
  "a step of many is rendered as it would be alone: %s",
  async (form) => {
    const learner = await createLearner({
      model: cifarResNet({ depth: 14 }),
      imageShape: [16, 16, 3],
      engine: jsEngine(),
      initialize: false,
    });
    const plan: Plan = learner.plan(form, 2);
    const options = {
      machine: { threads: 2, numberBytes: 4, lanes: 8, registers: 16 } as const,
      winograd: true,
      constants: constantsOf(plan),
    };
    const whole = render(plan.steps, plan.layouts, { ...options, preparation: plan.preparation });
    const apart = plan.steps.map((step, i) =>
      render([step], plan.layouts, { ...options, preparation: i < plan.preparation ? 1 : 0 }),
    );
    expect(texts(whole)).toEqual(apart.flatMap(texts));
    const kept = whole.steps
      .flatMap((launches) => launches.flatMap(({ places }) => places))
      .filter(({ buffer }) => buffer === buffers.kept);
    // What is kept of one layer's filters lies apart from that of the others.
    if (form === "evaluate") expect(new Set(kept.map(({ offset }) => offset)).size).toBeGreaterThan(10);
    expect(whole.bytes.kept).toBe(apart.reduce((total, { bytes }) => total + bytes.kept, 0));
  },
);

test("operands in one place are not taken for operands in two", () => {
  const [a, b] = [input("a", [64, 7]), input("b", [64, 7])];
  const twice = add({ a, b: a }, {});
  const both = add({ a, b }, {});
  const { steps, layouts } = planOf([twice, both]);
  const machine = { threads: 1, numberBytes: 4, lanes: 16, registers: 32 } as const;
  const { steps: launches } = render(steps, layouts, {
    ...{ machine, winograd: true, constants: new Set(), preparation: 0 },
  });
  expect(launches.flat().map(({ places }) => places.length)).toEqual([2, 3]);
});
