import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine, Program, Scalars, Session } from "../../engines/engine.ts";
import { jsEngine } from "../../engines/js/engine.ts";
import { wasmEngine } from "../../engines/wasm/engine.ts";
import { plan } from "../../graph/plan.ts";
import { StateLayout } from "../../graph/state-layout.ts";
import { defineOp } from "../../ops/operation.ts";
import { randomUniform } from "../../tensor/random.ts";
import { over } from "../formula.ts";
import { index } from "../index-expression.ts";
import { keyOfStream } from "../javascript.ts";
import { random } from "../value.ts";

const empty = new StateLayout();
let engine: Engine;
let session: Session;
beforeAll(async () => {
  engine = await wasmEngine({ threads: 1 });
  session = await engine.open(empty);
});
afterAll(() => engine.dispose());

interface Draw {
  readonly count: number;
  readonly stream: number;
  /** Counters are first, first + by, first + 2·by, …. */
  readonly first: number;
  readonly by: number;
}

function drawing({ count, stream, first, by }: Draw) {
  const draw = defineOp<never>({
    name: "draw",
    shape: () => [count],
    value: () => [over([count], (i) => random(stream, index(i).times(by).plus(first)))],
  });
  return plan({ outputs: { y: draw({}, {}) }, state: empty });
}

const load = (draw: Partial<Draw>, on = session): Promise<Program> =>
  on.load(drawing({ count: 1000, stream: 0, first: 0, by: 1, ...draw }));

async function drawn(draw: Partial<Draw>, scalars: Scalars, on?: Session): Promise<Float32Array> {
  return (await (await load(draw, on)).run({}, scalars)).y.slice();
}

const scalarsAndStreams = [
  { seed: 0, step: 0, stream: 0 },
  { seed: 1, step: 0, stream: 0 },
  { seed: 123_456_789, step: 70_000, stream: 7 },
  { seed: 2 ** 31, step: 2 ** 30, stream: 1000 },
  { seed: 2 ** 32 - 1, step: 12_345_678, stream: 65_535 },
];

describe("random numbers", () => {
  it.each(scalarsAndStreams)(
    "are those of tensor/random.ts, bit for bit: %o",
    async ({ seed, step, stream }) => {
      const js = await jsEngine().open(empty);
      for (const { first, by, count } of [
        { first: 0, by: 1, count: 5003 },
        { first: 2 ** 31 - 17, by: 1, count: 17 },
        { first: 5, by: 3, count: 1001 },
        { first: 0, by: 2 ** 20, count: 2000 },
      ]) {
        const found = await drawn({ stream, first, by, count }, { seed, step });
        const key = keyOfStream(seed, step, stream);
        expect([...found]).toEqual(Array.from(found, (_, i) => randomUniform(key, first + i * by)));
        expect([...found]).toEqual([...(await drawn({ stream, first, by, count }, { seed, step }, js))]);
      }
    },
  );

  it("are spread evenly over [0, 1), with the mean and variance that has", async () => {
    const count = 1_000_000;
    const numbers = await drawn({ count, stream: 3 }, { seed: 9, step: 4 });
    const bins = new Float64Array(256);
    let [sum, squares, products] = [0, 0, 0];
    for (const [i, u] of numbers.entries()) {
      if (!(u >= 0 && u < 1)) throw new Error(`${u} is not in [0, 1)`);
      bins[Math.floor(256 * u)]++;
      sum += u;
      squares += u * u;
      products += u * numbers[(i + 1) % count];
    }
    const mean = sum / count;
    // Four standard errors each: of the mean √(1/12n), of the variance √(1/180n), of the covariance of neighbours 1/(12√n).
    expect(Math.abs(mean - 0.5)).toBeLessThan(4 * Math.sqrt(1 / (12 * count)));
    expect(Math.abs(squares / count - mean * mean - 1 / 12)).toBeLessThan(4 * Math.sqrt(1 / (180 * count)));
    expect(Math.abs(products / count - mean * mean)).toBeLessThan(4 / (12 * Math.sqrt(count)));
    // χ² of 255 degrees of freedom has mean 255 and standard deviation 22.6.
    const chiSquare = bins.reduce((total, each) => total + (each - count / 256) ** 2 / (count / 256), 0);
    expect(Math.abs(chiSquare - 255)).toBeLessThan(4 * 22.6);
  });

  it.each([
    ["seeds", [{ seed: 5 }, { seed: 6 }], [{}, {}]],
    ["steps", [{ step: 5 }, { step: 6 }], [{}, {}]],
    ["streams", [{}, {}], [{ stream: 5 }, { stream: 6 }]],
  ] as const)("of neighbouring %s have nothing to do with each other", async (_, scalars, streams) => {
    const count = 100_000;
    const [a, b] = [
      await drawn({ count, ...streams[0] }, scalars[0]),
      await drawn({ count, ...streams[1] }, scalars[1]),
    ];
    const covariance = a.reduce((total, u, i) => total + (u - 0.5) * (b[i] - 0.5), 0) / count;
    expect(Math.abs(covariance)).toBeLessThan(4 / (12 * Math.sqrt(count)));
    // Two random numbers of 24 bits are equal once in 2^24.
    expect(a.filter((u, i) => u === b[i]).length).toBeLessThan(3);
  });

  it("are drawn anew at each run from the scalars of that run", async () => {
    const program = await load({ count: 64 });
    const first = (await program.run({}, { seed: 1, step: 1 })).y.slice();
    const second = (await program.run({}, { seed: 1, step: 2 })).y.slice();
    expect([...second]).not.toEqual([...first]);
    expect([...(await program.run({}, { seed: 1, step: 1 })).y]).toEqual([...first]);
    expect([...(await program.run({})).y]).toEqual([...(await program.run({}, { seed: 0, step: 0 })).y]);
  });
});
