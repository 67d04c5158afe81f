import fc from "fast-check";
import { expect, test } from "vitest";
import { columnGroups, type VectorCode } from "./column-groups.ts";
import { registers, rowsOfFirstPart } from "./tile.ts";

const extents = fc.integer({ min: 1, max: 700 });
const codes = fc.constantFrom<VectorCode[]>("hoisted", "ordered", "joined");
const machines = fc.record({ code: codes, lanes: fc.constantFrom(2, 4) });

test("tiles cover all columns once, and each part of their loop fits into the registers that V8 has", () => {
  fc.assert(
    fc.property(extents, fc.integer({ min: 1, max: 300 }), machines, (columns, rows, machine) => {
      const { code, lanes } = machine;
      const atOnce = code === "joined" ? 2 : 1;
      let [from, block] = [0, 0];
      for (const group of columnGroups(columns, rows, machine)) {
        expect([group.from, group.block]).toEqual([from, block]);
        from += group.count * group.columns;
        block += group.count;
        const vectors = Math.ceil(group.columns / lanes / atOnce);
        const first = rowsOfFirstPart(group.rows, vectors) ?? group.rows;
        // Where loads stay in their places, rows are spread one after the other.
        const spread = code === "hoisted" ? Math.max(first, group.rows - first) : 1;
        expect((group.rows + 1) * vectors + spread).toBeLessThanOrEqual(registers);
      }
      expect(from).toBeGreaterThanOrEqual(columns);
      expect(from - columns).toBeLessThan(code === "joined" ? 4 * lanes : lanes);
    }),
  );
});
