import { describe, expect, test } from "vitest";
import { OptionError } from "../tensor/index.ts";
import type { Host } from "./host.ts";
import { dataLabel, evaluationSplit, openTrainingParts, type PartsOptions } from "./training-data.ts";

const host: Host = {
  out: () => undefined,
  log: () => undefined,
  isTerminal: false,
  columns: () => 80,
  clock: () => 0,
  args: [],
  onStop: () => () => undefined,
};
const options: PartsOptions = {
  seed: 1,
  limit: 100,
  validation: 0.2,
  imageShape: [28, 28, 1],
  isShapeGiven: false,
};
const open = (changes: Partial<PartsOptions>) =>
  openTrainingParts({ data: "digits" }, { ...options, ...changes }, host);

describe("the data of a training", () => {
  test("is limited first, and then a part of that is held out", async () => {
    const { train, validation, test } = await open({});
    expect([train.length, validation?.length]).toEqual([80, 20]);
    expect(test?.length).toBeGreaterThan(100);
    expect((await open({ limit: null })).train.length).toBeGreaterThan(100);
  });

  test("is the same for the same seed, and another for another", async () => {
    const print = async (seed: number) => (await open({ seed })).train.fingerprint;
    expect(await print(1)).toBe(await print(1));
    expect(await print(1)).not.toBe(await print(2));
  });

  test("holds nothing out when 0 is asked for", async () => {
    const { train, validation } = await open({ validation: 0 });
    expect([train.length, validation]).toEqual([100, undefined]);
  });

  test("is refused when its images have another shape than was asked for", async () => {
    await expect(open({ imageShape: [32, 32, 3], isShapeGiven: true })).rejects.toThrow(OptionError);
    await expect(open({ imageShape: [32, 32, 3] })).resolves.toBeDefined();
  });

  test("is measured on its test part, and named after its folder", async () => {
    expect(await evaluationSplit("digits")).toBe("test");
    expect([dataLabel("digits"), dataLabel("./photos/flowers/")]).toEqual(["digits", "flowers"]);
  });
});
