import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allocate, type Lifetime } from "./allocate.ts";

const lifetimes = fc.array(
  fc
    .record({ elements: fc.integer({ min: 1, max: 300 }), from: fc.nat(20), length: fc.nat(8) })
    .map(({ elements, from, length }): Lifetime => ({ elements, from, to: from + length })),
  { maxLength: 40 },
);

const inLines = (elements: number) => Math.ceil(elements / 16) * 16;

/** The most that must be in memory at one time, in whole cache lines: no allocation can do with less. */
function leastPossible(all: readonly Lifetime[]): number {
  const steps = Array.from({ length: 30 }, (_, step) => step);
  return Math.max(
    0,
    ...steps.map((step) =>
      all.reduce(
        (sum, { from, to, elements }) => sum + (from <= step && step <= to ? inLines(elements) : 0),
        0,
      ),
    ),
  );
}

describe("allocate", () => {
  it("never puts buffers that live at the same time into the same memory", () => {
    fc.assert(
      fc.property(lifetimes, (all) => {
        const { offsets, elements } = allocate(all);
        for (const [i, one] of all.entries()) {
          expect(offsets[i] % 16).toBe(0);
          expect(offsets[i] + one.elements).toBeLessThanOrEqual(elements);
          for (const [j, other] of all.entries()) {
            if (j <= i || other.to < one.from || one.to < other.from) continue;
            const apart =
              offsets[i] + one.elements <= offsets[j] || offsets[j] + other.elements <= offsets[i];
            expect(apart, `${i} and ${j}`).toBe(true);
          }
        }
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it("needs no less than what lives at one time, no more than all, and little more than the least", () => {
    let [needed, least] = [0, 0];
    fc.assert(
      fc.property(lifetimes, (all) => {
        const { elements } = allocate(all);
        expect(elements).toBeGreaterThanOrEqual(leastPossible(all));
        expect(elements).toBeLessThanOrEqual(all.reduce((sum, each) => sum + inLines(each.elements), 0));
        needed += elements;
        least += leastPossible(all);
      }),
      { seed: 2, numRuns: 200 },
    );
    expect(needed / least).toBeLessThan(1.15);
  });

  it("uses memory again once its buffer is dead", () => {
    const chain = Array.from({ length: 10 }, (_, i) => ({ elements: 160, from: i, to: i + 1 }));
    expect(allocate(chain).elements).toBe(320);
    expect(allocate([]).elements).toBe(0);
  });

  it("finds the gap between two buffers that outlive it", () => {
    const { offsets, elements } = allocate([
      { elements: 320, from: 0, to: 1 },
      { elements: 160, from: 0, to: 9 },
      { elements: 80, from: 1, to: 9 },
      { elements: 64, from: 2, to: 3 },
    ]);
    expect(offsets).toEqual([0, 320, 480, 0]);
    expect(elements).toBe(560);
  });
});
