import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { randomBytes } from "../../../test/data-files.ts";
import { DatasetError } from "../../tensor/errors.ts";
import type { PublishedFile } from "../named.ts";
import { type DownloadProgress, downloadFiles } from "./download.ts";

const content = randomBytes(300_000, 1);
const digest = (kind: string, bytes: Uint8Array) => createHash(kind).update(bytes).digest("hex");

let folder: string;
let server: Server;
let base: string;
/** What the server does; each request is noted by path and range. */
let answer: (request: IncomingMessage, response: ServerResponse) => void;
const requests: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "striate-download-"));
  requests.length = 0;
  server = createServer((request, response) => {
    requests.push(`${request.url} ${request.headers.range ?? "whole"}`);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

/** Sends `bytes` from the asked place on, and breaks off after `atMost` of them. */
function send(
  bytes: Uint8Array,
  request: IncomingMessage,
  response: ServerResponse,
  atMost = Number.POSITIVE_INFINITY,
) {
  const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const headers = { "content-length": bytes.length - from };
  if (from > 0) {
    response.writeHead(206, {
      ...headers,
      "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
    });
  } else response.writeHead(200, headers);
  if (from + atMost >= bytes.length) response.end(bytes.subarray(from));
  else response.write(bytes.subarray(from, from + atMost), () => setTimeout(() => response.destroy(), 20));
}

const published = (paths: readonly string[] = ["/a"], bytes = content): PublishedFile => ({
  name: "a.gz",
  bytes: bytes.length,
  sha256: digest("sha256", bytes),
  md5: digest("md5", bytes),
  urls: paths.map((path) => base + path),
  splits: ["train"],
});
const stored = async () => new Uint8Array(await readFile(join(folder, "a.gz")));

describe("a download", () => {
  test("puts the file under its name and tells how it goes", async () => {
    answer = (request, response) => send(content, request, response);
    const steps: DownloadProgress[] = [];
    await downloadFiles("made", [published()], folder, { onProgress: (step) => steps.push(step) });
    expect(Buffer.compare(await stored(), content)).toBe(0);
    expect(await readdir(folder)).toEqual(["a.gz"]);
    expect(steps.at(-1)).toEqual({ file: "a.gz", url: `${base}/a`, bytes: 300_000, total: 300_000 });
    expect(steps.map(({ bytes }) => bytes)).toEqual(
      steps.map(({ bytes }) => bytes).toSorted((a, b) => a - b),
    );
  });

  test("does nothing when the file is there", async () => {
    await writeFile(join(folder, "a.gz"), "there");
    await downloadFiles("made", [published()], folder);
    expect(requests).toEqual([]);
  });

  test("goes on where it broke off", async () => {
    let isFirst = true;
    answer = (request, response) => {
      send(content, request, response, isFirst ? 100_000 : undefined);
      isFirst = false;
    };
    await downloadFiles("made", [published()], folder);
    expect(Buffer.compare(await stored(), content)).toBe(0);
    expect(requests).toHaveLength(2);
    expect(requests[1]).toMatch(/bytes=[1-9]\d*-$/);
  });

  test("goes on in another run", async () => {
    await writeFile(join(folder, "a.gz.part"), content.subarray(0, 120_000));
    answer = (request, response) => send(content, request, response);
    await downloadFiles("made", [published()], folder);
    expect(requests).toEqual(["/a bytes=120000-"]);
    expect(Buffer.compare(await stored(), content)).toBe(0);
  });

  test("starts again when the server cannot go on", async () => {
    await writeFile(join(folder, "a.gz.part"), content.subarray(0, 120_000));
    answer = (_, response) => response.writeHead(200).end(content);
    await downloadFiles("made", [published()], folder);
    expect(Buffer.compare(await stored(), content)).toBe(0);
  });

  test("of other bytes is refused and leaves nothing, and the next address is tried", async () => {
    const other = Uint8Array.from(content);
    other[1000] ^= 1;
    answer = (request, response) => send(request.url === "/b" ? content : other, request, response);
    const failed = await downloadFiles("made", [published(["/a"])], folder).catch((e: unknown) => e);
    expect(failed).toBeInstanceOf(DatasetError);
    expect(String(failed)).toContain(`has sha256 ${digest("sha256", other)} instead of`);
    expect(await readdir(folder)).toEqual([]);
    await downloadFiles("made", [published(["/a", "/b"])], folder);
    expect(Buffer.compare(await stored(), content)).toBe(0);
  });

  test("is checked by MD5 alone where that is all that is known", async () => {
    const { sha256: _, ...file } = published();
    answer = (request, response) => send(content, request, response);
    await expect(downloadFiles("made", [{ ...file, md5: "0".repeat(32) }], folder)).rejects.toThrow(
      "has md5",
    );
    await downloadFiles("made", [file], folder);
  });

  test("of too many bytes is cut off", async () => {
    answer = (_, response) => response.writeHead(200).end(new Uint8Array(2_000_000));
    await expect(downloadFiles("made", [published()], folder)).rejects.toThrow(
      "sends more than 300,000 bytes",
    );
    expect(await readdir(folder)).not.toContain("a.gz");
  });

  test("from a silent server ends", async () => {
    answer = () => undefined;
    await expect(downloadFiles("made", [published()], folder, { silenceMs: 50 })).rejects.toThrow(
      "fell silent",
    );
  });

  test("that fails says what to get, from where, and where to put it", async () => {
    answer = (_, response) => response.writeHead(404).end();
    const file = published(["/a", "/b"]);
    const error = await downloadFiles("made", [file], folder, { searched: ["/my/data"] }).catch(
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(DatasetError);
    const text = String(error);
    for (const part of [
      "/my/data",
      folder,
      `${base}/a`,
      `${base}/b`,
      "answers 404",
      "--data-dir",
      "--data digits",
    ]) {
      expect(text).toContain(part);
    }
    await expect(downloadFiles("made", [file], folder, { isAllowed: false })).rejects.toThrow("switched off");
  });

  test("without a network fails at once", async () => {
    // A port that was open a moment ago and is not any more.
    const file = { ...published(), urls: [`${base}/a`] };
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(downloadFiles("made", [file], folder)).rejects.toThrow("ECONNREFUSED");
  });
});
