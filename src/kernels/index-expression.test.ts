import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Axis, axis, type Index, index, sameIndex } from "./index-expression.ts";

const [a, b, c] = [axis("a", 5), axis("b", 3), axis("c", 1)];

/** The value of an index where its axes stand at these places: what the expression language means. */
function meaningOf(of: Index, places: ReadonlyMap<Axis, number>): number {
  // Adding 0 turns −0 into 0.
  return (
    0 +
    of.terms.reduce((total, { atom, factor }) => {
      if (atom.kind === "axis") return total + factor * (places.get(atom) ?? 0);
      const inner = meaningOf(atom.index, places);
      const quotient = Math.floor(inner / atom.divisor);
      return total + factor * (atom.kind === "floorDiv" ? quotient : inner - quotient * atom.divisor);
    }, of.constant)
  );
}

/** All places of the three axes. */
const everywhere = Array.from(
  { length: 15 },
  (_, i) =>
    new Map([
      [a, i % 5],
      [b, Math.floor(i / 5)],
      [c, 0],
    ]),
);

const small = fc.integer({ min: -7, max: 7 });
const leaf = fc.oneof(fc.constantFrom(index(a), index(b), index(c)), small.map(index));
const { tree: indices } = fc.letrec<{ tree: Index }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small" },
    leaf,
    fc.tuple(tie("tree"), tie("tree")).map(([x, y]) => x.plus(y)),
    fc.tuple(tie("tree"), tie("tree")).map(([x, y]) => x.minus(y)),
    fc.tuple(tie("tree"), small).map(([x, factor]) => x.times(factor)),
    fc.tuple(tie("tree"), fc.integer({ min: 1, max: 6 })).map(([x, by]) => x.floorDiv(by)),
    fc.tuple(tie("tree"), fc.integer({ min: 1, max: 6 })).map(([x, by]) => x.mod(by)),
  ),
}));

const settings = { seed: 1, numRuns: 300 };

describe("Index", () => {
  it("adds, multiplies and divides as whole numbers do, downwards below zero", () => {
    fc.assert(
      fc.property(indices, indices, small, fc.integer({ min: 1, max: 6 }), (x, y, factor, divisor) => {
        for (const places of everywhere) {
          const [at, other] = [meaningOf(x, places), meaningOf(y, places)];
          expect(meaningOf(x.plus(y), places)).toBe(at + other);
          expect(meaningOf(x.minus(y), places)).toBe(at - other + 0);
          expect(meaningOf(x.times(factor), places) + 0).toBe(at * factor + 0);
          expect(meaningOf(x.floorDiv(divisor), places)).toBe(Math.floor(at / divisor));
          expect(meaningOf(x.mod(divisor), places)).toBe(at - divisor * Math.floor(at / divisor));
        }
      }),
      settings,
    );
  });

  it("stays within its range, and reaches both ends where it is a sum of axes", () => {
    fc.assert(
      fc.property(indices, (x) => {
        const values = everywhere.map((places) => meaningOf(x, places));
        const [low, high] = x.range();
        const [least, greatest] = [Math.min(...values), Math.max(...values)];
        expect(low).toBeLessThanOrEqual(least);
        expect(high).toBeGreaterThanOrEqual(greatest);
        if (x.isAffine()) expect([low + 0, high + 0]).toEqual([least + 0, greatest + 0]);
      }),
      settings,
    );
  });

  it("means after a substitution what it meant with the axes at those places", () => {
    fc.assert(
      fc.property(indices, indices, indices, (x, forA, forB) => {
        const replaced = x.substitute(
          new Map([
            [a, forA],
            [b, forB],
          ]),
        );
        for (const places of everywhere) {
          const inner = new Map([
            [a, meaningOf(forA, places)],
            [b, meaningOf(forB, places)],
          ]);
          expect(meaningOf(replaced, places)).toBe(meaningOf(x, inner));
        }
      }),
      settings,
    );
  });

  it("is the same only as what has equal values everywhere", () => {
    fc.assert(
      fc.property(indices, indices, (x, y) => {
        expect(sameIndex(x, x)).toBe(true);
        expect(sameIndex(x.plus(y), y.plus(x))).toBe(true);
        if (sameIndex(x, y))
          for (const places of everywhere) expect(meaningOf(x, places)).toBe(meaningOf(y, places));
      }),
      settings,
    );
  });

  it("leaves out what cancels, axes of one step and divisions that do nothing", () => {
    expect(index(a).minus(a)).toEqual(index(0));
    expect(index(c)).toEqual(index(0));
    expect(index(a).floorDiv(5)).toEqual(index(0));
    expect(index(a).mod(5)).toEqual(index(a));
    expect(index(a).floorDiv(1)).toEqual(index(a));
    expect(index(a).times(5).plus(b).floorDiv(1).is(a)).toBe(false);
    expect(index(a).is(a)).toBe(true);
  });

  it("knows the factors of axes by themselves, and the axes inside divisions", () => {
    const mixed = index(a).times(3).plus(index(b).plus(7).floorDiv(2)).plus(4);
    expect([mixed.factorOf(a), mixed.factorOf(b)]).toEqual([3, 0]);
    expect(mixed.isAffine()).toBe(false);
    const axes = new Set<Axis>();
    mixed.collectAxes(axes);
    expect(axes).toEqual(new Set([a, b]));
  });
});
