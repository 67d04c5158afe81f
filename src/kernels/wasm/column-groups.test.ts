import fc from "fast-check";
import { expect, test } from "vitest";
import { columnGroups } from "./column-groups.ts";
import { registers, rowsOfFirstPart } from "./tile.ts";

const extents = fc.integer({ min: 1, max: 700 });

test("tiles cover all columns once, and each part of their loop fits into the registers that V8 has", () => {
  fc.assert(
    fc.property(extents, fc.integer({ min: 1, max: 300 }), fc.constantFrom(2, 4), (columns, rows, lanes) => {
      let [from, block] = [0, 0];
      for (const group of columnGroups(columns, rows, lanes)) {
        expect([group.from, group.block]).toEqual([from, block]);
        from += group.count * group.columns;
        block += group.count;
        const vectors = group.columns / lanes;
        const first = rowsOfFirstPart(group.rows, vectors) ?? group.rows;
        const spread = Math.max(first, group.rows - first);
        expect((group.rows + 1) * vectors + spread).toBeLessThanOrEqual(registers);
      }
      expect(from).toBeGreaterThanOrEqual(columns);
      expect(from - columns).toBeLessThan(lanes);
    }),
  );
});
