import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compute, counting } from "../../test/compute.ts";
import { expectLinear } from "../../test/gradients.ts";
import { forAll } from "../../test/shapes.ts";
import { channelShuffle } from "./channel-shuffle.ts";
import { input } from "./operation.ts";

describe("channelShuffle", () => {
  it("deals the channels of each group out", () => {
    expect(compute(channelShuffle({ x: counting([1, 1, 1, 6]) }, { groups: 2 }))).toEqual([0, 3, 1, 4, 2, 5]);
    expect(compute(channelShuffle({ x: counting([1, 1, 1, 6]) }, { groups: 3 }))).toEqual([0, 2, 4, 1, 3, 5]);
  });

  it("has a gradient that is its adjoint", () => {
    forAll(fc.tuple(fc.constantFrom(1, 2, 3), fc.constantFrom(1, 2, 5)), ([groups, perGroup]) => {
      const x = input("x", [2, 2, 1, groups * perGroup]);
      expectLinear(channelShuffle({ x }, { groups }), x);
    });
  });

  it("refuses groups that do not divide the channels", () => {
    expect(() => channelShuffle({ x: input("x", [1, 1, 1, 6]) }, { groups: 4 })).toThrow(
      "channelShuffle: groups is 4, but must be whole and divide the 6 channels of x [1, 1, 1, 6].",
    );
  });
});
