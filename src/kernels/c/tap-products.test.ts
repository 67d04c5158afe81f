import { expect, test } from "vitest";
import { conv2dInputGradient } from "../../ops/conv2d.ts";
import type { Shape } from "../../tensor/shape.ts";
import { contiguousLayout } from "../layout.ts";
import { asContraction } from "../schedule-contraction.ts";
import { Source } from "../value.ts";
import { renderTapProducts } from "./tap-products.ts";
import { buffers, type CMachine, CTarget } from "./target.ts";

const avx512 = { threads: 2, numberBytes: 4, lanes: 16, registers: 32 } as const;
const avx2 = { threads: 2, numberBytes: 4, lanes: 8, registers: 16 } as const;

/** Whether the gradient of such an input is taken from products of taps. */
function isTaken(
  x: Shape,
  [r, s, c, k]: readonly [number, number, number, number],
  machine: CMachine,
  { padding = 0, stride = 1 } = {},
): boolean {
  const places = (extent: number, taps: number) => Math.floor((extent + 2 * padding - taps) / stride) + 1;
  const dy = { shape: [x[0], places(x[1], r), places(x[2], s), k] };
  const weight = { shape: [r, s, c, k] };
  const layouts = new Map([dy, weight].map((each, i) => [each, contiguousLayout(i, each.shape)]));
  const target = new CTarget(layouts, machine, true, new Set());
  const sources = { dy: new Source(dy), weight: new Source(weight) };
  const [part] = conv2dInputGradient.operation.value(sources, { padding, stride, inputShape: x }, x);
  const layout = contiguousLayout(buffers.scratch, x);
  const contraction = asContraction(part, layout, (operand) => target.layoutOf(operand));
  return contraction !== undefined && renderTapProducts(target, contraction, layout) !== undefined;
}

test("gradients of inputs with few channels are taken from products of taps, where these fill vectors", () => {
  const lenet = [5, 5, 6, 16] as const;
  for (const machine of [avx512, avx2]) {
    expect(isTaken([128, 14, 14, 6], lenet, machine)).toBe(true);
    expect(isTaken([128, 14, 14, 6], lenet, machine, { padding: 2 })).toBe(true);
    expect(isTaken([128, 14, 14, 64], [5, 5, 64, 64], machine)).toBe(false);
    // One image would be one task.
    expect(isTaken([1, 14, 14, 6], lenet, machine)).toBe(false);
    // A row of products would not stay in the L1 cache.
    expect(isTaken([16, 224, 224, 6], lenet, machine)).toBe(false);
    expect(isTaken([128, 14, 14, 6], lenet, machine, { stride: 2 })).toBe(false);
  }
});
