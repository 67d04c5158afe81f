import { describe, expect, it } from "vitest";
import { compute, computeGradient, given } from "../../test/compute.ts";
import { expectLinear } from "../../test/gradients.ts";
import { type DropPathAttributes, dropPathJoin } from "./drop-path-join.ts";
import { input } from "./operation.ts";
import { scale } from "./scale.ts";

const images = 200;
/** Three inputs whose means tell which of them an image kept. */
const inputs = [1, 10, 100].map((each) => given([images, 2], new Array(2 * images).fill(each)));
const join = (attributes: Partial<DropPathAttributes>, of = inputs) =>
  dropPathJoin(
    { ...of },
    { local: 0, global: 0, columns: 3, localStream: 1, globalStream: 0, ...attributes },
  );

/** What each image got; both of its places must be the same. */
function imagesOf(y: readonly number[]): readonly number[] {
  return Array.from({ length: images }, (_, n) => {
    expect(y[2 * n + 1]).toBe(y[2 * n]);
    return Math.round(1e6 * y[2 * n]) / 1e6;
  });
}

describe("dropPathJoin", () => {
  it("is the mean where nothing is dropped", () => {
    expect(new Set(imagesOf(compute(join({}))))).toEqual(new Set([37]));
  });

  it("averages what an image keeps, and keeps one where all are dropped", () => {
    const kept = imagesOf(compute(join({ local: 0.5 })));
    expect(new Set(kept)).toEqual(new Set([1, 10, 100, 5.5, 50.5, 55, 37]));
    const single = imagesOf(compute(join({ local: 0.999_999 })));
    expect(new Set(single)).toEqual(new Set([1, 10, 100]));
  });

  it("sends an image through one column of all joins where it samples globally", () => {
    const one = imagesOf(compute(join({ global: 1 })));
    expect(imagesOf(compute(join({ global: 1, local: 0.5, localStream: 7 })))).toEqual(one);
    for (const column of [1, 10, 100]) {
      const share = one.filter((each) => each === column).length / images;
      // 200 draws: five standard deviations are 0.17.
      expect(Math.abs(share - 1 / 3)).toBeLessThan(0.17);
    }
    // The third column does not end in a join of two.
    const two = imagesOf(compute(join({ global: 1 }, inputs.slice(0, 2))));
    expect(two).toEqual(one.map((each) => (each === 100 ? 0 : each)));
  });

  it("mixes both, anew in each step and the same for one", () => {
    const of = (step: number) => compute(join({ global: 0.5, local: 0.15 }), { step }).join();
    expect(of(3)).toBe(of(3));
    expect(of(3)).not.toBe(of(4));
  });

  it("lets gradients back to what was kept", () => {
    const y = join({ global: 0.5, local: 0.4 });
    const shares = inputs.map((each) => computeGradient(y, each));
    const values = compute(y);
    for (const [i, value] of values.entries())
      expect(shares[0][i] + 10 * shares[1][i] + 100 * shares[2][i]).toBeCloseTo(value, 9);
    const x = input("x", [5, 3]);
    const attributes = { local: 0.4, global: 0.5, columns: 2, localStream: 1, globalStream: 0 };
    expectLinear(dropPathJoin({ 0: x, 1: scale({ x }, { factor: 3 }) }, attributes), x);
  });

  it("refuses what does not join", () => {
    expect(() => join({}, [])).toThrow("nothing to join");
    expect(() => join({}, [inputs[0], given([1, 2], [0, 0])])).toThrow(
      "input 1 [1, 2] does not join input 0 [200, 2]",
    );
    expect(() => join({ local: 1 })).toThrow("local is 1, but must be at least 0 and below 1.");
    expect(() => join({ global: 2 })).toThrow("global is 2, but must be from 0 to 1.");
    expect(() => join({ columns: 2 })).toThrow("columns is 2, but must be a whole number of at least 3");
  });
});
