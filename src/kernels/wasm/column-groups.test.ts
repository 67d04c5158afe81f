import fc from "fast-check";
import { expect, test } from "vitest";
import { columnGroups } from "./column-groups.ts";
import { registers, rowsOfFirstPart } from "./tile.ts";

const extents = fc.integer({ min: 1, max: 700 });
const machines = fc.record({ lanes: fc.constantFrom(2, 4), joined: fc.boolean() });

test("tiles cover all columns once, and each part of their loop fits into the registers that V8 has", () => {
  fc.assert(
    fc.property(extents, fc.integer({ min: 1, max: 300 }), machines, (columns, rows, machine) => {
      const { lanes, joined } = machine;
      let [from, block] = [0, 0];
      for (const group of columnGroups(columns, rows, machine)) {
        expect([group.from, group.block]).toEqual([from, block]);
        from += group.count * group.columns;
        block += group.count;
        const vectors = Math.ceil(group.columns / lanes / (joined ? 2 : 1));
        // A runtime that joins vectors spreads rows one after the other.
        const first = joined ? 1 : (rowsOfFirstPart(group.rows, vectors) ?? group.rows);
        const spread = joined ? 1 : Math.max(first, group.rows - first);
        expect((group.rows + 1) * vectors + spread).toBeLessThanOrEqual(registers);
      }
      expect(from).toBeGreaterThanOrEqual(columns);
      expect(from - columns).toBeLessThan(joined ? 4 * lanes : lanes);
    }),
  );
});
