import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { cifarPickle, randomBytes } from "../../test/data-files.ts";
import { DatasetError } from "../tensor/errors.ts";
import { readCifarPickles } from "./cifar-pickle.ts";

/**
 * Written by Python 3 and NumPy 2 (gzip, base64): {b"batch_label": …, b"labels": [3, 9], b"data": zeros [2, 3072] but for [0, 0] = 10,
 * [0, 1024] = 20, [0, 2048] = 30, [1, 3071] = 99, b"filenames": […]}.
 */
const recorded = {
  "protocol 2":
    "H4sIAAAAAAACA+3ZyU7DMBAGYKdla9j3HcIeFlXqgZcgogefckGVkxoaKXX7p86hEkhc2J4axi1PAfMdomj+8djxNa+VF4gwbaW9tk4HvjbuxYcXzwohEmXTTitXic5RiaeokiubmQaq75iQmOx48ToVbaEyk5mnYNQfNILeY3CLqQ51TUvMUNd4KY0ZoObKvsTsA+bCqBrVNOUTlLeVVZh36YLEYmrKbn9Yp3MVut4tc5upolBDv1XotGcGtihT62Np3Oab9jjFciTesEITPXd8rLpxaxLrH9iQ2AwjL6rci7l3bP0ubNthnz53O65Qf9nAztfnB3Yl9uhooxnP2G82m3ffZPSIhMVB8kU7iC0hfMEY+6/W+AoY+7cO+AoYY4wxxhhjjLG/LsWh+8EQSBxZHCcdL65R9THLtVFdPcCJS08lzh5wHlI6Samq980TLlwSSlz+VpNR9cpVryVudFn/AbIrk56ZGQAA",
  "protocol 4":
    "H4sIAAAAAAACA+3ZvU7DMBQFYKdtQIGOgJhQxk6ROvACeCMiAzuK7MRtIyVO5DpDJJBY+KnkrZcH5QkguG9BzzfY0r3HlnxXv86+vq+Z90ILfi6FLTZ5LaSqiV9aIypd6XXsy/EyblfxLfET39/SEy3SaRopPiuFFeSudN90Q5IXrVFJ09e2EsaIgdw8N6po9daavrC0Jxf6JLlTXR4ie0rZG/FA0gc9jtcG6eSBzd9pE7mwtEOn/k5N+iXtPg+BqQueKcuy+5+RX1JmSe7u2PicMwYAx+oCIwA4WjcYAQAAAAAAAMB/V5AlyaNVVSstGuU/Kngokk6viYfS76pPfgGHJV/c/BgAAA==",
  "protocol 5":
    "H4sIAAAAAAACA+3Zz0rEMBAG8OxqhXW9qeBJeuypsAefIDeLPXiXknQna6FNS0wPCwqe/AO57ei7+TRag0/hfr/DTJgEAnP9npOPrwsRPXEml1r5+r5qlaaW5bl3qrGN3aRxnK7S3qRXLI/i/QPfcVYcFAuSh2vlFYdTO3bDNq/q3lE+nck1NYdlZVzf6dEYcrzj7FP8fXgsAGBfnWEFAHvrEisAAAAAAAAA+O9qDkkMDKa+9tuBeMdhPq74/e2Vb3+jhTB75LIsr78nsRTCsy7mN+LkhcNMsp/eyYVpWrKqoxhIyETlg92wTHTsNOY/vwmLx+QYAAA=",
};
/** The same with "fine_labels": an array [3, 99] of int64, and text as keys. */
const recordedFine =
  "H4sIAAAAAAACA+3ZvU7DMBAHcCdNVBUqxIAQU+dOkdgYmNqNiAy8QOQ4Ro6UppVrD5GKxFKgkrceL8sC+UCIoU/Q/n+DLdnnO/tWvwafXzes80JTd/5cVDIteSbLNbnryi5WdZSKpZbRwpam4Frzmtw41VIsq7XRVhjakwu7SHLDKu9D9hSzLc29jN7piaaxF/tbUqELc1OvZHvEL+5o99HvDpx3T0mSPHw3uiFmhrLd/HLQ342J35maZRfk3HBSgRq2RdTor8QjG7+RunC+vf2fe3Mo94w17z5jAHCqrtACgJM1QQsAAAAAAAAAjp1ovxNs9AN+e/gLBRkAAA==";

const unpack = (text: string) => new Uint8Array(gunzipSync(Buffer.from(text, "base64")));
const read = (bytes: Uint8Array, classes: 10 | 100 = 10) =>
  readCifarPickles([{ file: "data_batch_1", bytes }], classes);
const ascii = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

describe("a Python batch of CIFAR", () => {
  for (const [protocol, text] of Object.entries(recorded)) {
    test(`that Python 3 wrote with ${protocol} is read`, () => {
      const { count, labels, pixels } = read(unpack(text));
      expect(count).toBe(2);
      expect([...labels]).toEqual([3, 9]);
      expect([...pixels.subarray(0, 4)]).toEqual([10, 20, 30, 0]);
      expect(pixels[2 * 3072 - 1]).toBe(99);
    });
  }

  test("that Python 2 wrote, as published, is read", () => {
    const data = randomBytes(3 * 3072, 5);
    const { labels, pixels } = read(cifarPickle([6, 9, 0], data));
    expect([...labels]).toEqual([6, 9, 0]);
    expect([...pixels.subarray(3072, 3075)]).toEqual([data[3072], data[4096], data[5120]]);
  });

  test("of CIFAR-100 gives the fine labels, also as an array", () => {
    expect([...read(unpack(recordedFine), 100).labels]).toEqual([3, 99]);
    expect([...read(cifarPickle([77], randomBytes(3072, 1), "fine_labels"), 100).labels]).toEqual([77]);
  });

  test("that names another function is refused with its name, and nothing runs", () => {
    const bytes = ascii("\u0080\u0002cposix\nsystem\nU\u0007echo hi\u0085R.");
    expect(() => read(bytes)).toThrow(
      "data_batch_1: at byte 2: it asks for posix.system, which is not executed here",
    );
  });

  test("with an opcode that batches do not have is refused with the opcode", () => {
    expect(() => read(ascii("\u0080\u0002(dp0\n."))).toThrow("opcode 0x64 is not one that such a file has");
  });

  test("that would take endless memory or steps ends", () => {
    const lists = new Uint8Array(3_000_000).fill(0x5d);
    expect(() => read(lists)).toThrow("more than 2,000,000 steps");
    const announced = ascii("\u0080\u0004\u008e\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f");
    expect(() => read(announced)).toThrow("the pickle ends within");
  });

  test("that is another dictionary says what is missing", () => {
    expect(() => read(cifarPickle([1], randomBytes(3072, 1), "tags"))).toThrow('has no list "labels"');
    expect(() => read(cifarPickle([1, 2], randomBytes(3072, 1)))).toThrow(DatasetError);
    expect(() => read(cifarPickle([12], randomBytes(3072, 1)))).toThrow("image 0 has label 12");
  });
});
