import { expect, it, describe as suite } from "vitest";
import { compile } from "../../test/compute.ts";
import { cases } from "../../test/conformance/index.ts";
import { randomFeeds } from "../../test/gradients.ts";
import { planOf } from "../../test/on-engine.ts";
import { jsEngine } from "../engines/js/engine.ts";
import { over } from "../kernels/formula.ts";
import { isContiguous } from "../kernels/layout.ts";
import { sum as sumOf } from "../kernels/value.ts";
import * as ops from "../ops/index.ts";
import { defineOp, input, type Op, parameter, type Tensor } from "../ops/operation.ts";
import { size } from "../tensor/shape.ts";
import { gradients } from "./backward.ts";
import { orderOf } from "./order.ts";
import { plan } from "./plan.ts";
import type { Plan } from "./planned.ts";
import { StateLayout } from "./state-layout.ts";

const conv = (x: Tensor, k: number, name = "w") =>
  ops.conv2d({ x, weight: input(name, [1, 1, x.shape[3], k]), bias: undefined }, {});
const relu = (x: Tensor) => ops.relu({ x }, {});
const scaled = (x: Tensor, factor = 2) => ops.scale({ x }, { factor });
const joined = (...tensors: Tensor[]) => ops.concat({ ...tensors }, {});

const operationsOf = ({ steps }: Plan) => steps.map(({ name }) => name.slice(name.indexOf(":") + 2));

/** Where a tensor begins in its memory. */
function offsetIn({ layouts }: Plan, tensor: Tensor): number {
  const layout = layouts.get(tensor);
  if (layout === undefined) throw new Error(`${tensor.name} has no place`);
  return layout.offset;
}

/** What the plan computes on the reference engine, against each tensor computed by itself in double precision. */
async function expectComputed(outputs: readonly Tensor[]): Promise<Plan> {
  const feeds = randomFeeds(outputs);
  const truth = compile(outputs)(feeds);
  const planned = planOf(outputs);
  const program = await (await jsEngine().open(planned.state)).load(planned);
  const inputs = Object.fromEntries([...feeds].map(([{ name }, values]) => [name, values]));
  const found = await program.run(inputs);
  for (const [i, values] of truth.entries())
    for (const [at, value] of values.entries()) expect(found[i][at]).toBeCloseTo(value, 4);
  return planned;
}

suite("a plan of any graph", () => {
  it("has no two buffers in one place at one time, results without gaps, and all that it runs in its memory", () => {
    for (const { name, build } of cases) {
      const { outputs } = build();
      const layout = new StateLayout();
      const lasting = orderOf(outputs).filter(({ role }) => role === "parameter" || role === "state");
      layout.append(
        "lasting",
        lasting.map((each) => ({ name: each.name, shape: each.shape, kind: "vector" })),
      );
      const planned = plan({
        outputs: Object.fromEntries(outputs.map((each, i) => [i, each])),
        state: layout,
      });
      for (const [i, one] of planned.buffers.entries()) {
        expect(one.offset + one.elements, name).toBeLessThanOrEqual(planned.workElements);
        for (const other of planned.buffers.slice(i + 1)) {
          const together = one.from <= other.to && other.from <= one.to;
          const apart =
            one.offset + one.elements <= other.offset || other.offset + other.elements <= one.offset;
          expect(!together || apart, `${name}: ${one.name} and ${other.name}`).toBe(true);
        }
      }
      for (const output of outputs) {
        const place = planned.layouts.get(output);
        expect(place !== undefined && isContiguous(place, output.shape), `${name}: ${output.name}`).toBe(
          true,
        );
      }
    }
  });
});

suite("steps", () => {
  it("are chains of operations, named after the place where they begin", () => {
    const x = input("x", [2, 6, 6, 3]);
    const y = relu(ops.add({ a: conv(x, 4), b: input("residual", [2, 6, 6, 4]) }, {}));
    const [step, ...rest] = planOf([y]).steps;
    expect(rest).toEqual([]);
    expect(step.name).toBe("conv2d: conv2d + add + relu");
    expect(step.macs).toBe(2 * 6 * 6 * 3 * 4);
    expect(step.tensor).toBe(y);
  });

  it("come in the order in which tensors can be computed", async () => {
    const x = input("x", [2, 3]);
    const [a, b] = [scaled(x), relu(x)];
    await expectComputed([ops.subtract({ a: b, b: a }, {}), a, b]);
  });

  it("are none for an output that is an input, or its view", async () => {
    const x = input("x", [2, 6]);
    const planned = await expectComputed([x, ops.reshape({ x }, { shape: [3, 4] })]);
    expect(planned.steps).toEqual([]);
  });
});

suite("views", () => {
  it("of slices and reshapes cost no step, and lie where their elements are", async () => {
    const x = relu(input("x", [2, 4, 3, 8]));
    const part = ops.slice({ x: ops.slice({ x }, { from: 2, length: 4 }) }, { axis: 1, from: 1, length: 2 });
    const flat = ops.reshape({ x }, { shape: [2, 96] });
    const planned = await expectComputed([scaled(part), scaled(flat, 3)]);
    expect(operationsOf(planned)).toEqual(["relu", "scale", "scale"]);
    expect(planned.layouts.get(part)).toMatchObject({ strides: [96, 24, 8, 1] });
    expect(offsetIn(planned, part) - offsetIn(planned, x)).toBe(24 + 2);
    expect(offsetIn(planned, flat)).toBe(offsetIn(planned, x));
  });

  it("keep alive what they are views of", async () => {
    const x = relu(input("x", [4, 16]));
    const first = ops.slice({ x }, { axis: 0, from: 0, length: 1 });
    let other = scaled(x, 3);
    for (let i = 0; i < 3; i++) other = ops.matmul({ a: other, b: input(`m${i}`, [16, 16]) }, {});
    await expectComputed([ops.sum({ x: other }, { axes: [0] }), scaled(first, 5)]);
  });

  it("with gaps are copied where they are reshaped or asked for", async () => {
    const x = relu(input("x", [2, 3, 5]));
    const part = ops.slice({ x }, { from: 1, length: 3 });
    expect(operationsOf(await expectComputed([part]))).toEqual(["relu", "slice"]);
    const reshaped = scaled(ops.reshape({ x: part }, { shape: [9, 2] }));
    expect(operationsOf(await expectComputed([reshaped]))).toEqual(["relu", "reshape + scale"]);
    const rows = ops.slice({ x }, { axis: 0, from: 1, length: 1 });
    expect(operationsOf(await expectComputed([scaled(ops.reshape({ x: rows }, { shape: [15] }))]))).toEqual([
      "relu",
      "scale",
    ]);
  });
});

suite("joined tensors", () => {
  const x = input("x", [2, 3, 3, 4]);

  it("are written in place by what computes their parts", async () => {
    const parts = [
      conv(x, 3, "w0"),
      relu(conv(x, 5, "w1")),
      ops.maxPool2d({ x }, { kernel: 3, stride: 1, padding: 1 }),
    ];
    const planned = await expectComputed([scaled(joined(...parts))]);
    expect(operationsOf(planned)).toEqual(["conv2d", "conv2d + relu", "maxPool2d", "scale"]);
    expect(parts.map((each) => offsetIn(planned, each) - offsetIn(planned, parts[0]))).toEqual([0, 3, 8]);
  });

  it("hold tensors that were joined before, as in a dense block", async () => {
    let dense = conv(x, 4, "w");
    for (let i = 0; i < 3; i++) dense = joined(dense, relu(conv(dense, 3, `w${i}`)));
    const planned = await expectComputed([scaled(dense)]);
    expect(operationsOf(planned)).toEqual([
      "conv2d",
      "conv2d + relu",
      "conv2d + relu",
      "conv2d + relu",
      "scale",
    ]);
  });

  it("copy inputs, parts of others, and what lies elsewhere already", async () => {
    const y = relu(conv(x, 6));
    const both = joined(x, ops.slice({ x: y }, { from: 1, length: 2 }), y);
    expect(operationsOf(await expectComputed([scaled(both)]))).toEqual(["conv2d + relu", "concat", "scale"]);
    const [one, other] = [joined(y, x), joined(y, scaled(y))];
    await expectComputed([scaled(one), scaled(other)]);
  });

  it("hold a tensor that is joined twice in both places", async () => {
    const y = relu(x);
    await expectComputed([joined(y, y)]);
    await expectComputed([scaled(joined(y, x, y)), joined(joined(y, y), y)]);
  });

  it("hold vectors of gradients that are reshaped to lie side by side", async () => {
    const [a, b] = [input("a", [3, 5]), input("b", [7, 2])];
    const vectors = [relu(a), scaled(b)].map((each) =>
      ops.reshape({ x: each }, { shape: [size(each.shape)] }),
    );
    const planned = await expectComputed([scaled(joined(...vectors))]);
    expect(operationsOf(planned)).toEqual(["relu", "scale", "scale"]);
  });

  it("leave outputs and their parts readable, each without gaps", async () => {
    const [y, z] = [relu(conv(x, 2, "w0")), relu(conv(x, 3, "w1"))];
    const both = joined(y, z);
    await expectComputed([both, y, z, ops.slice({ x: both }, { from: 1, length: 3 })]);
  });
});

suite("results in place of operands", () => {
  /** Reads a tensor element by element and as a whole, so that nothing fuses and there is something to reuse. */
  const centred = (x: Tensor) =>
    ops.subtract(
      { a: x, b: ops.reshape({ x: ops.sum({ x }, { axes: [1] }) }, { shape: [x.shape[0], 1] }) },
      {},
    );
  const places = (planned: Plan) =>
    planned.steps.flatMap(({ inPlaceOf }, i) => (inPlaceOf === undefined ? [] : [i]));

  it("are written over what is read for the last time, element by element", async () => {
    const planned = await expectComputed([centred(centred(scaled(input("x", [4, 6]))))]);
    expect(operationsOf(planned)).toEqual(["scale", "sum", "subtract", "sum", "subtract"]);
    expect(places(planned)).toEqual([2, 4]);
    expect(planned.steps[2].target.offset).toBe(planned.steps[0].target.offset);
  });

  it("are not, where an input, an output or something read later would be lost", async () => {
    const x = input("x", [4, 6]);
    expect(places(await expectComputed([centred(x)]))).toEqual([]);
    const y = scaled(x);
    expect(places(await expectComputed([centred(y), y]))).toEqual([]);
    const z = scaled(x, 3);
    const middle = centred(z);
    const again = ops.add({ a: ops.matmul({ a: middle, b: input("m", [6, 6]) }, {}), b: z }, {});
    // z is wanted by the last step, which may write over it or over what it adds to it; the second may not.
    const planned = await expectComputed([again]);
    expect(planned.steps.find(({ tensor }) => tensor === middle)?.inPlaceOf).toBeUndefined();
  });

  it("are not, where an element is read from another place, or inside a sum", async () => {
    const turned: Op<"x"> = defineOp({
      name: "turned",
      shape: ({ x }) => x,
      value: ({ x }, _, shape) => [
        over(shape, (i, j) => x.at(i, j).plus(sumOf([shape[1]], (k) => x.at(i, k)))),
      ],
    });
    const x = input("x", [4, 6]);
    const square = ops.matmul({ a: scaled(x), b: input("m", [6, 6]) }, {});
    expect(places(await expectComputed([turned({ x: square }, {})]))).toEqual([]);
  });
});

suite("describe", () => {
  const described = (outputs: readonly Tensor[]) => planOf(outputs).describe();

  it("prints a table of steps, one of buffers, and totals", () => {
    const x = input("x", [1, 4, 4, 2]);
    const y = ops.flatten({ x: relu(conv(x, 3)) });
    const lines = described([ops.linear({ x: y, weight: input("fc", [48, 10]), bias: undefined }, {})]).split(
      "\n",
    );
    const columns = (line: string) => line.split(/ {2,}/);
    expect(columns(lines[0])).toEqual(["step", "what", "shape", "reads", "MACs", "at", "bytes"]);
    expect(columns(lines[1]).slice(0, 5)).toEqual([
      "0",
      "conv2d: conv2d + relu",
      "[1, 4, 4, 3]",
      "x, w",
      "96",
    ]);
    expect(lines.find((line) => line.startsWith("buffer"))).toMatch(/^buffer +bytes +at +from +to$/);
    expect(lines).toContainEqual(expect.stringMatching(/^x +128 B +\+.* input +step 0$/));
    expect(lines.at(-3)).toBe("3 steps, 576 multiply-adds");
    expect(lines.at(-2)).toMatch(/^work memory: peak .* without reuse\)$/);
    expect(lines.at(-1)).toBe("state memory: 0 B");
  });

  it("says where a result takes the place of an operand, and how much memory that and time save", () => {
    const x = scaled(input("x", [64, 64]));
    const sums = ops.reshape({ x: ops.sum({ x }, { axes: [1] }) }, { shape: [64, 1] });
    const text = described([ops.subtract({ a: x, b: sums }, {})]);
    expect(text).toContain("in place of scale");
    expect(text).toContain("3 steps, 0 multiply-adds");
    expect(text).toContain("work memory: peak 32.0 KiB (32.3 KiB without reuse)");
  });
});

/** A network of the kind plans are for. */
function smallNet() {
  const x = input("x", [2, 6, 6, 3]);
  const weight = parameter("conv.weight", [3, 3, 3, 4], "filter");
  const bias = parameter("conv.bias", [4], "vector");
  const weight2 = parameter("conv2.weight", [3, 3, 4, 4], "filter");
  const a = relu(ops.conv2d({ x, weight, bias }, { padding: 1 }));
  const b = relu(
    ops.add({ a: ops.conv2d({ x: a, weight: weight2, bias: undefined }, { padding: 1 }), b: a }, {}),
  );
  return { x, weight, bias, weight2, b, loss: ops.sum({ x: b }, { axes: [0, 1, 2, 3] }) };
}

suite("a network with gradients", () => {
  it("fuses chains, reuses memory and computes what separate tensors would", async () => {
    const { x, weight, bias, weight2, b, loss } = smallNet();
    const parameters = [weight, bias, weight2];
    const [dWeight, dBias, dWeight2] = gradients(loss, parameters);
    if (!dWeight || !dBias || !dWeight2) throw new Error("no gradient");
    const layout = new StateLayout();
    layout.append(
      "parameters",
      parameters.map(({ name, shape }) => ({ name, shape, kind: "vector" })),
    );
    const outputs = { b, loss, dWeight, dBias, dWeight2 };
    const planned = plan({ outputs, state: layout });
    expect(operationsOf(planned)).toContain("conv2d + add + relu");
    const separate = planned.buffers.reduce((total, buffer) => total + buffer.elements, 0);
    expect(planned.workElements).toBeLessThan(separate);

    const feeds = randomFeeds(Object.values(outputs));
    const truth = compile(Object.values(outputs))(feeds);
    const session = await jsEngine().open(layout);
    for (const each of parameters) session.write(each.name, feeds.get(each) ?? []);
    const found = await (await session.load(planned)).run({ x: feeds.get(x) ?? [] });
    for (const [i, name] of Object.keys(outputs).entries())
      for (const [at, value] of truth[i].entries()) expect(found[name][at]).toBeCloseTo(value, 3);
  });
});
