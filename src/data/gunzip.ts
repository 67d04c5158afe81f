/** Inflates gzip data with the platform's own DecompressionStream, and never to more bytes than were announced. */

import { DatasetError } from "../tensor/errors.ts";

/** Deflate writes at least one bit for 129 bytes: no honest file grows by more than this factor (zlib's technical notes: 1032). */
const mostGrowth = 1032;

const grouped = (n: number) => n.toLocaleString("en-US");

/** True for bytes that begin as a gzip member does. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length > 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** The inflated bytes, piece by piece. Throws a DatasetError that names `file` when the data is not gzip, cut, or altered (its CRC-32 is checked). */
export async function* gunzipChunks(bytes: Uint8Array, file: string): AsyncGenerator<Uint8Array> {
  if (!isGzip(bytes)) {
    throw new DatasetError(`${file}: is not gzip data: it must begin with the bytes 1f 8b.`, { file });
  }
  // A copy of the part when it lies in shared memory, which a Blob does not take.
  const part =
    bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
  const stream = new Blob([part]).stream().pipeThrough(new DecompressionStream("gzip"));
  const reader = stream.getReader();
  let count = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      count += value.length;
      yield value;
    }
  } catch (cause) {
    if (cause instanceof DatasetError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DatasetError(
      `${file}: cannot be inflated past byte ${grouped(count)} (${reason}): the file is truncated or damaged. Delete it to download it again.`,
      { file, byte: count },
      { cause },
    );
  } finally {
    // A failed cancel only repeats the error that is already on its way.
    await reader.cancel().catch(() => undefined);
  }
}

export interface GunzipOptions {
  /** Name of the file, for errors. */
  readonly file: string;
  /** Bytes at the start that tell how long the whole is. */
  readonly headBytes: number;
  /** Length of the whole in bytes, by its first `headBytes`; throws when it is absurd. */
  readonly announced: (head: Uint8Array) => number;
  /** Takes the memory. Default: an ordinary Uint8Array. */
  readonly allocate?: (length: number) => Uint8Array;
}

/** Inflates a file whose first bytes announce its length; memory is taken once, after that announcement was found sound. */
export async function gunzip(bytes: Uint8Array, options: GunzipOptions): Promise<Uint8Array> {
  const { file, headBytes, announced, allocate = (length: number) => new Uint8Array(length) } = options;
  const head = new Uint8Array(headBytes);
  let target: Uint8Array | undefined;
  let count = 0;
  for await (const chunk of gunzipChunks(bytes, file)) {
    if (count < headBytes) head.set(chunk.subarray(0, headBytes - count), count);
    if (!target && count + chunk.length >= headBytes) {
      const length = announced(head);
      if (length > bytes.length * mostGrowth + headBytes) {
        throw new DatasetError(
          `${file}: announces ${grouped(length)} bytes, more than ${grouped(bytes.length)} bytes of gzip can hold.`,
          { file, announced: length, bytes: bytes.length },
        );
      }
      target = allocate(length);
      target.set(head.subarray(0, Math.min(count, length)));
    }
    if (target) {
      if (count + chunk.length > target.length) {
        throw new DatasetError(
          `${file}: holds more than the ${grouped(target.length)} bytes that its header announces.`,
          { file, announced: target.length },
        );
      }
      target.set(chunk, count);
    }
    count += chunk.length;
  }
  if (!target || count < target.length) {
    const whole = target ? grouped(target.length) : `at least ${headBytes}`;
    throw new DatasetError(
      `${file}: ends at byte ${grouped(count)} of ${whole}: the file is truncated. Delete it to download it again.`,
      { file, byte: count },
    );
  }
  return target;
}
