import { describe, expect, it } from "vitest";
import { evaluate } from "../../src/engines/js/evaluate.ts";
import { gradients } from "../../src/graph/backward.ts";
import { multiply } from "../../src/ops/multiply.ts";
import { input, type Tensor } from "../../src/ops/operation.ts";
import { sum } from "../../src/ops/sum.ts";
import { size } from "../../src/tensor/shape.ts";
import { fillLabels, fillValues, permute } from "./fill.ts";
import { type Builder, builders, turnOf } from "./ops.ts";
import { type OperationCase, readOperations, type TensorSummary } from "./records.ts";

/** Recorded numbers have nine digits, and were computed in double precision like ours. */
const tolerance = 2e-8;

describe("operations against PyTorch", () => {
  for (const recorded of readOperations()) {
    const build = builders[recorded.op];
    if (build === undefined) it.skip(`computes ${recorded.name}: formulas have no error function yet`);
    else it(`computes ${recorded.name}`, () => check(recorded, build));
  }
});

function check(recorded: OperationCase, build: Builder): void {
  const tensors: Record<string, Tensor> = {};
  const feeds = new Map<Tensor, Float32Array>();
  const fed = (key: string, shape: readonly number[], values: Float32Array): Tensor => {
    const turn = turnOf(recorded.op, key, shape);
    const tensor = input(
      key,
      turn.map((axis) => shape[axis]),
    );
    feeds.set(tensor, permute(values, shape, turn));
    return tensor;
  };
  for (const [key, spec] of Object.entries(recorded.inputs)) {
    const name = `${recorded.name}.${key}`;
    const values =
      spec.kind === "label"
        ? fillLabels(name, size(spec.shape), spec.classes)
        : fillValues(name, spec.shape, spec.kind, spec.scale);
    tensors[key] = fed(key, spec.shape, values);
  }
  const outputs: Record<string, Tensor> = build(tensors, recorded.attributes);
  const { y } = recorded.outputs;
  const dy = fed("y", y.shape, fillValues(`${recorded.name}.dy`, y.shape, "input"));
  const weighted = multiply({ a: outputs.y, b: dy }, {});
  const loss = sum({ x: weighted }, { axes: weighted.shape.map((_, axis) => axis) });
  const wrt = Object.keys(recorded.gradients);
  const found = gradients(
    loss,
    wrt.map((key) => tensors[key]),
  );
  for (const [key, summary] of Object.entries(recorded.outputs))
    compare(recorded, key, outputs[key], summary, feeds);
  for (const [i, key] of wrt.entries())
    compare(recorded, key, found[i], recorded.gradients[key], feeds, `gradient of ${key}`);
}

function compare(
  { op, name }: OperationCase,
  key: string,
  tensor: Tensor | undefined,
  summary: TensorSummary,
  feeds: ReadonlyMap<Tensor, ArrayLike<number>>,
  what = key,
): void {
  expect(tensor, `${name}: ${what}`).toBeDefined();
  if (tensor === undefined) return;
  const turn = turnOf(op, key, summary.shape);
  expect(tensor.shape, `${name}: shape of ${what}`).toEqual(turn.map((axis) => summary.shape[axis]));
  const [values] = evaluate([tensor], feeds);
  const back = turn.map((_, axis) => turn.indexOf(axis));
  const ours = permute64(values, tensor.shape, back);
  const scale = Math.max(1, ...summary.first.map(Math.abs));
  for (const [i, expected] of summary.first.entries())
    expect(
      Math.abs(ours[i] - expected),
      `${name}: ${what}[${i}] is ${ours[i]}, not ${expected}`,
    ).toBeLessThan(tolerance * scale);
  const total = ours.reduce((a, b) => a + b, 0);
  const norm = Math.sqrt(ours.reduce((a, b) => a + b * b, 0));
  expect(Math.abs(total - summary.sum), `${name}: sum of ${what}`).toBeLessThan(
    tolerance * Math.max(1, norm) * 4,
  );
  expect(Math.abs(norm - summary.norm), `${name}: norm of ${what}`).toBeLessThan(
    tolerance * Math.max(1, norm),
  );
}

/** As `permute` of fill.ts, which rounds to float32. */
function permute64(
  data: ArrayLike<number>,
  shape: readonly number[],
  order: readonly number[],
): Float64Array {
  const places = permute(
    Array.from({ length: data.length }, (_, i) => i),
    shape,
    order,
  );
  return Float64Array.from(places, (place) => data[place]);
}
