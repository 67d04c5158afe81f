/** Random shapes for property tests: odd extents, single places, channel counts that no vector width divides. */

import fc from "fast-check";
import type { Shape } from "../src/tensor/shape.ts";

/** Images [n, h, w, c] of at least `least` places along h and w. */
export function imageShapes(least = 1, most = 6): fc.Arbitrary<Shape> {
  return fc.tuple(
    fc.integer({ min: 1, max: 2 }),
    fc.integer({ min: least, max: most }),
    fc.integer({ min: least, max: most }),
    fc.constantFrom(1, 3, 5, 7),
  );
}

/** Rows [n, k]. */
export const rowShapes: fc.Arbitrary<Shape> = fc.tuple(
  fc.integer({ min: 1, max: 3 }),
  fc.constantFrom(1, 2, 5, 7),
);

/** Tensors of one to four axes. */
export const anyShapes: fc.Arbitrary<Shape> = fc.array(fc.constantFrom(1, 2, 3), {
  minLength: 1,
  maxLength: 4,
});

/** Checks a property on `runs` random draws, always the same ones. */
export function forAll<T>(arbitrary: fc.Arbitrary<T>, check: (drawn: T) => void, runs = 12): void {
  const property = fc.property(arbitrary, (drawn) => {
    check(drawn);
  });
  fc.assert(property, { seed: 1, numRuns: runs });
}
