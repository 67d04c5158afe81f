/**
 * Downloads published files: goes on where a broken download stopped, and puts a file under its name only after its size and
 * digests were found right.
 */

import { type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { DatasetError } from "../../tensor/errors.ts";
import type { PublishedFile } from "../named.ts";
import { faultOf } from "./digest.ts";
import { isFile } from "./files.ts";

export interface DownloadProgress {
  readonly file: string;
  readonly url: string;
  /** Bytes that are there, of `total`. */
  readonly bytes: number;
  readonly total: number;
}

export interface DownloadOptions {
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** When false, nothing is downloaded and missing files are an error. Default true. */
  readonly isAllowed?: boolean;
  /** Folders that were searched before, for the error. */
  readonly searched?: readonly string[];
  /** Milliseconds without a byte after which a server counts as silent. Default 30,000. */
  readonly silenceMs?: number;
}

/** Times that one address is asked to go on after it broke off. */
const attempts = 4;

/** Makes all files be in `folder`. Throws a DatasetError that says what to get from where when that cannot be. */
export async function downloadFiles(
  name: string,
  files: readonly PublishedFile[],
  folder: string,
  options: DownloadOptions = {},
): Promise<void> {
  const { isAllowed = true } = options;
  const missing: PublishedFile[] = [];
  for (const file of files) if (!(await isFile(join(folder, file.name)))) missing.push(file);
  for (const file of missing) {
    const failures: string[] = isAllowed ? [] : ["downloads are switched off"];
    if (isAllowed && (await downloadFile(file, folder, options, failures))) continue;
    throw unavailable(name, missing, folder, options.searched ?? [], failures);
  }
}

/** Tries each address in turn; true when the file is there. What failed is added to `failures`. */
async function downloadFile(
  file: PublishedFile,
  folder: string,
  options: DownloadOptions,
  failures: string[],
): Promise<boolean> {
  const part = join(folder, `${file.name}.part`);
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    failures.push(`${folder}: ${reasonOf(cause)}`);
    return false;
  }
  for (const url of file.urls) {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const before = await sizeOf(part);
      try {
        await fetchRest(file, url, part, options);
        const fault = await faultOf(part, file);
        if (fault === undefined) {
          await rename(part, join(folder, file.name));
          return true;
        }
        // Wrong bytes are of no use to go on from.
        await rm(part, { force: true });
        failures.push(`${url}: ${fault}`);
        break;
      } catch (cause) {
        // Another attempt is worth it only while bytes still come.
        if (attempt < attempts && (await sizeOf(part)) > before) continue;
        failures.push(`${url}: ${reasonOf(cause)}`);
        break;
      }
    }
  }
  return false;
}

/** Appends what is missing of `part`. Throws when the server fails or breaks off; what came is kept. */
async function fetchRest(
  file: PublishedFile,
  url: string,
  part: string,
  options: DownloadOptions,
): Promise<void> {
  const { onProgress, silenceMs = 30_000 } = options;
  let bytes = await sizeOf(part);
  if (bytes >= file.bytes) return;
  const silence = new AbortController();
  const restart = () => setTimeout(() => silence.abort(new Error("the server fell silent")), silenceMs);
  let timer = restart();
  let handle: FileHandle | undefined;
  try {
    // "identity": a server must not compress what is an archive already, or sizes and digests would be of something else.
    const headers = { "accept-encoding": "identity", ...(bytes > 0 && { range: `bytes=${bytes}-` }) };
    const response = await fetch(url, { headers, signal: silence.signal });
    if (!response.ok || !response.body) throw new Error(`the server answers ${response.status}`);
    const goesOn =
      response.status === 206 && response.headers.get("content-range")?.startsWith(`bytes ${bytes}-`);
    if (!goesOn) bytes = 0;
    handle = await open(part, goesOn ? "a" : "w");
    for await (const chunk of response.body) {
      clearTimeout(timer);
      timer = restart();
      bytes += chunk.length;
      if (bytes > file.bytes) throw new Error(`sends more than ${file.bytes.toLocaleString("en-US")} bytes`);
      await handle.write(chunk);
      onProgress?.({ file: file.name, url, bytes, total: file.bytes });
    }
    if (bytes < file.bytes) throw new Error(`ends at byte ${bytes.toLocaleString("en-US")}`);
  } finally {
    clearTimeout(timer);
    await handle?.close();
  }
}

function unavailable(
  name: string,
  missing: readonly PublishedFile[],
  folder: string,
  searched: readonly string[],
  failures: readonly string[],
): DatasetError {
  const places = [...searched, folder].join(", ");
  const list = missing.map((file) => `  ${file.urls.join("\n    or ")}`).join("\n");
  return new DatasetError(
    `${name}: its files are not in ${places}, and could not be downloaded:\n` +
      `${failures.map((failure) => `  ${failure}`).join("\n")}\n` +
      `Get these where there is a network and put them in ${folder}, or name their folder with --data-dir:\n${list}\n` +
      "Or train on --data digits, which needs no files.",
    { name, files: missing.map((file) => file.name), folder, failures },
  );
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

/** What went wrong, with the cause that fetch hides behind "fetch failed". */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
