import { describe, expect, test } from "vitest";
import { gzip, randomBytes } from "../../test/data-files.ts";
import { DatasetError } from "../tensor/errors.ts";
import { gunzip } from "./gunzip.ts";

const options = (length: number) => ({ file: "a.gz", headBytes: 4, announced: () => length });

describe("gunzip", () => {
  test("inflates what was announced", async () => {
    const bytes = randomBytes(200_000, 3);
    expect(Buffer.compare(await gunzip(gzip(bytes), options(bytes.length)), bytes)).toBe(0);
  });

  test("stops a file that holds more than it announces", async () => {
    const bomb = gzip(new Uint8Array(50e6));
    await expect(gunzip(bomb, options(1000))).rejects.toThrow("a.gz: holds more than the 1,000 bytes");
  });

  test("refuses a file that holds less than it announces", async () => {
    await expect(gunzip(gzip(randomBytes(1000, 1)), options(1001))).rejects.toThrow(
      "a.gz: ends at byte 1,000 of 1,001",
    );
  });

  test("refuses what is cut, altered or no gzip at all", async () => {
    const bytes = randomBytes(1000, 1);
    const whole = gzip(bytes);
    const altered = Uint8Array.from(whole);
    // The CRC-32 lies eight bytes before the end.
    altered[whole.length - 8] ^= 1;
    for (const wrong of [whole.subarray(0, 500), altered, bytes, new Uint8Array(0)]) {
      const error = await gunzip(wrong, options(1000)).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(DatasetError);
      expect(String(error)).toContain("a.gz: ");
    }
  });
});
