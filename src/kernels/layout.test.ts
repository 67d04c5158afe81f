import { describe, expect, it } from "vitest";
import { axis, index } from "./index-expression.ts";
import { contiguousLayout, isContiguous, linearIndex } from "./layout.ts";

describe("layouts", () => {
  it("find the place of an element in its memory", () => {
    const layout = contiguousLayout(0, [2, 3, 4], 100);
    const [i, j] = [axis("i", 2), axis("j", 3)];
    const linear = linearIndex([index(i), index(j), index(3)], layout);
    expect([linear.factorOf(i), linear.factorOf(j), linear.constant]).toEqual([12, 4, 103]);
  });

  it("have gaps where a step is longer than what lies inside, but not along axes of one step", () => {
    expect(isContiguous(contiguousLayout(0, [2, 3, 4]), [2, 3, 4])).toBe(true);
    expect(isContiguous({ buffer: 0, offset: 0, strides: [12, 4, 1] }, [2, 3, 3])).toBe(false);
    expect(isContiguous({ buffer: 0, offset: 0, strides: [99, 4, 1] }, [1, 3, 4])).toBe(true);
    expect(isContiguous({ buffer: 0, offset: 7, strides: [12, 4, 1] }, [2, 3, 4])).toBe(true);
    expect(isContiguous({ buffer: 0, offset: 0, strides: [] }, [])).toBe(true);
  });
});
