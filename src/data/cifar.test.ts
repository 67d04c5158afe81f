import { describe, expect, test } from "vitest";
import { cifarRecords } from "../../test/data-files.ts";
import { readCifarRecords } from "./cifar.ts";

describe("records of CIFAR", () => {
  test("turn planes of red, green and blue into pixels", () => {
    const bytes = cifarRecords([7, 3]);
    const { count, pixels, labels } = readCifarRecords([{ file: "a", bytes }], 10);
    expect(count).toBe(2);
    expect([...labels]).toEqual([7, 3]);
    for (const p of [0, 1, 32, 1023]) {
      expect([...pixels.subarray(3 * p, 3 * p + 3)]).toEqual([
        bytes[1 + p],
        bytes[1025 + p],
        bytes[2049 + p],
      ]);
      expect(pixels[3072 + 3 * p + 2]).toBe(bytes[3073 + 2049 + p]);
    }
  });

  test("of several files follow each other", () => {
    const files = [
      { file: "a", bytes: cifarRecords([1, 2]) },
      { file: "b", bytes: cifarRecords([3]) },
    ];
    expect([...readCifarRecords(files, 10).labels]).toEqual([1, 2, 3]);
  });

  test("of CIFAR-100 give the fine label", () => {
    expect([...readCifarRecords([{ file: "a", bytes: cifarRecords([99, 42], 2) }], 100).labels]).toEqual([
      99, 42,
    ]);
  });

  test("that are no whole number are refused", () => {
    const bytes = cifarRecords([1, 2, 3]).subarray(0, 7000);
    expect(() => readCifarRecords([{ file: "data_batch_1.bin", bytes }], 10)).toThrow(
      "data_batch_1.bin: has 7,000 bytes: 2 records of 3,073 and 854 bytes more",
    );
    expect(() => readCifarRecords([{ file: "e", bytes: new Uint8Array(0) }], 10)).toThrow("e: has 0 bytes");
  });

  test("with a label that is no class are refused with the byte", () => {
    const bytes = cifarRecords([1, 10]);
    expect(() => readCifarRecords([{ file: "x", bytes }], 10)).toThrow(
      "x: the record at byte 3,073 has label 10",
    );
  });
});
