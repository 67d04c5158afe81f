import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stepsInCache, tilingOf } from "./tile.ts";

const avx512 = { threads: 2, lanes: 16, registers: 32 } as const;
const avx2 = { threads: 2, lanes: 8, registers: 16 } as const;
const neon = { threads: 2, lanes: 4, registers: 32 } as const;

describe("tiles", () => {
  it("are the fastest measured where there are many rows and columns", () => {
    const shape = (machine: typeof avx512 | typeof avx2 | typeof neon) => {
      const { lanes, groups } = tilingOf(256, 3136, 1, 256, machine);
      return { lanes, groups: groups.map(({ rows, vectors }) => [rows, vectors]) };
    };
    expect(shape(avx512)).toEqual({ lanes: 16, groups: [[6, 4]] });
    expect(shape(avx2)).toEqual({ lanes: 8, groups: [[6, 2]] });
    expect(shape(neon)).toEqual({ lanes: 4, groups: [[6, 4]] });
  });

  it("are narrower where a panel would exceed the L2 cache", () => {
    const { groups } = tilingOf(512, 784, 1, 4608, avx512);
    expect(groups[0].vectors).toBeLessThan(4);
    expect(stepsInCache(avx512)).toBe(1792);
  });

  it("end a row lower where one of a single row would be left over", () => {
    const heights = (rows: number) => {
      const [{ rows: height, lower }] = tilingOf(1024, rows, 1, 1024, avx2).groups;
      return [height, lower];
    };
    expect(heights(49)).toEqual([6, 5]);
    expect(heights(48)).toEqual([6, 0]);
    // Among so many it brings nothing.
    expect(heights(3137)).toEqual([6, 0]);
  });

  it("cover all columns once, and leave registers for columns and a number of a row", () => {
    const count = (max: number) => fc.integer({ min: 1, max });
    fc.assert(
      fc.property(
        ...([count(700), count(300), count(20), count(5000), fc.constantFrom(avx512, avx2, neon)] as const),
        (columns, rows, stretches, steps, machine) => {
          const { lanes, groups } = tilingOf(columns, rows, stretches, steps, machine);
          let [from, panel] = [0, 0];
          for (const group of groups) {
            expect([group.from, group.panel]).toEqual([from, panel]);
            from += group.count * group.vectors * lanes;
            panel += group.count;
            const height = group.rows * group.deep;
            expect(group.rows).toBeLessThanOrEqual(rows);
            if (group.lower > 0) expect((rows - group.lower * (group.rows - 1)) % group.rows).toBe(0);
            expect(group.lower * (group.rows - 1)).toBeLessThanOrEqual(rows);
            expect(group.deep).toBeLessThanOrEqual(stretches);
            if (height > 1) expect((height + 1) * group.vectors + 1).toBeLessThanOrEqual(machine.registers);
          }
          expect(from).toBeGreaterThanOrEqual(columns);
          expect(from - columns).toBeLessThan(lanes);
        },
      ),
    );
  });
});
