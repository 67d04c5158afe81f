/** Reads chosen files out of a tar archive that comes in pieces (the "ustar" headers of POSIX.1-1988; GNU tar's are alike here). */

import { DatasetError } from "../tensor/errors.ts";

const block = 512;

export interface TarOptions {
  /** Name of the archive, for errors. */
  readonly file: string;
  /** Whether a member is wanted; the others are passed over. */
  readonly wants: (name: string) => boolean;
  /** Largest wanted member in bytes; a larger one is refused before memory is taken. */
  readonly mostBytes: number;
}

export interface TarMember {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The wanted members, in the order of the archive. Throws a DatasetError that names the archive and the byte. */
export async function* readTar(
  chunks: AsyncIterable<Uint8Array>,
  options: TarOptions,
): AsyncGenerator<TarMember> {
  const { file, wants, mostBytes } = options;
  const header = new Uint8Array(block);
  /** Bytes of the header that are there, of the present member that are to come, and of padding after it. */
  let filled = 0;
  let left = 0;
  let padding = 0;
  let member: TarMember | undefined;
  let position = 0;
  for await (const chunk of chunks) {
    let at = 0;
    while (at < chunk.length) {
      const rest = chunk.length - at;
      if (left > 0) {
        const take = Math.min(left, rest);
        member?.bytes.set(chunk.subarray(at, at + take), member.bytes.length - left);
        left -= take;
        at += take;
        if (left === 0 && member) yield member;
      } else if (padding > 0) {
        const take = Math.min(padding, rest);
        padding -= take;
        at += take;
      } else {
        const take = Math.min(block - filled, rest);
        header.set(chunk.subarray(at, at + take), filled);
        filled += take;
        at += take;
        if (filled < block) continue;
        filled = 0;
        // Empty blocks end the archive; whatever follows is passed over.
        if (header.every((byte) => byte === 0)) continue;
        const { name, size, isFile } = readHeader(header, file, position + at - block);
        const isWanted = isFile && wants(name);
        if (isWanted && size > mostBytes) {
          throw new DatasetError(
            `${file}: ${name} has ${size.toLocaleString("en-US")} bytes, more than a file of this set can have.`,
            { file, member: name, bytes: size },
          );
        }
        member = isWanted ? { name, bytes: new Uint8Array(size) } : undefined;
        left = size;
        padding = (block - (size % block)) % block;
        if (size === 0 && member) yield member;
      }
    }
    position += chunk.length;
  }
  if (left > 0 || filled > 0) {
    throw new DatasetError(`${file}: ends in the middle of ${member?.name ?? "a member"}: it is truncated.`, {
      file,
      byte: position,
    });
  }
}

function readHeader(header: Uint8Array, file: string, byte: number) {
  const text = (from: number, length: number) => {
    const field = header.subarray(from, from + length);
    const end = field.indexOf(0);
    return new TextDecoder("latin1").decode(end < 0 ? field : field.subarray(0, end));
  };
  const octal = (from: number, length: number) => Number.parseInt(text(from, length).trim() || "0", 8);
  // The sum of all bytes with the sum's own field taken as blanks.
  let sum = 8 * 32;
  for (let i = 0; i < block; i++) if (i < 148 || i >= 156) sum += header[i];
  const size = octal(124, 12);
  if (octal(148, 8) !== sum || !(size >= 0)) {
    throw new DatasetError(
      `${file}: has no valid tar header at byte ${byte.toLocaleString("en-US")}: it is damaged.`,
      {
        file,
        byte,
      },
    );
  }
  const prefix = text(257, 5) === "ustar" ? text(345, 155) : "";
  const type = header[156];
  return {
    name: prefix ? `${prefix}/${text(0, 100)}` : text(0, 100),
    size,
    isFile: type === 0 || type === 48,
  };
}
