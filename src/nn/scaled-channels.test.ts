import { expect, it } from "vitest";
import { scaledChannels } from "./scaled-channels.ts";

it("rounds to multiples of 8, never loses more than a tenth, and never goes below 8", () => {
  expect([16, 24, 32, 1280].map((each) => scaledChannels(each, 1))).toEqual([16, 24, 32, 1280]);
  expect(scaledChannels(24, 0.75)).toBe(24); // 18: 16 would lose 2 of 18.
  expect(scaledChannels(24, 1.4)).toBe(32); // 33.6
  expect(scaledChannels(16, 0.35)).toBe(8); // 5.6
  expect(scaledChannels(16, 0.75)).toBe(16); // 12 lies in the middle.
});
