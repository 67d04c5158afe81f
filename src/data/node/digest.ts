/** Checks that a downloaded file is the published one. */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { PublishedFile } from "../named.ts";

/** What is wrong with the file at `path`, or nothing when its size and all known digests are those of the published file. */
export async function faultOf(path: string, published: PublishedFile): Promise<string | undefined> {
  const expected = (["sha256", "md5"] as const).flatMap((kind) => {
    const digest = published[kind];
    return digest === undefined ? [] : [{ kind, digest, hash: createHash(kind) }];
  });
  let bytes = 0;
  for await (const chunk of createReadStream(path)) {
    bytes += chunk.length;
    for (const { hash } of expected) hash.update(chunk);
  }
  if (bytes !== published.bytes) {
    return `has ${bytes.toLocaleString("en-US")} bytes instead of ${published.bytes.toLocaleString("en-US")}`;
  }
  for (const { kind, digest, hash } of expected) {
    const actual = hash.digest("hex");
    if (actual !== digest) return `has ${kind} ${actual} instead of ${digest}`;
  }
  return undefined;
}
