/** Damaged files of every format, made from a seed: each is read, or refused with the file's name and a reason. */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  cifarPickle,
  cifarRecords,
  gzip,
  idxImages,
  idxLabels,
  randomBytes,
  tar,
} from "../../test/data-files.ts";
import { DatasetError } from "../tensor/errors.ts";
import { keyOf, RandomStream } from "../tensor/random.ts";
import { readCifarRecords } from "./cifar.ts";
import { readCifarPickles } from "./cifar-pickle.ts";
import { gunzipChunks } from "./gunzip.ts";
import { inflateIdx, readIdxImages, readIdxLabels } from "./idx.ts";
import { FolderDataset } from "./node/folder-dataset.ts";
import { readTar } from "./tar.ts";

/** A format: a sound file, a reader of it, and how many of its first bytes tell how to read the rest. */
interface Format {
  readonly sound: Uint8Array;
  readonly header: number;
  read(bytes: Uint8Array, file: string): unknown;
}

const images = idxImages(40, 28, 28);
const labels = idxLabels(Array.from({ length: 500 }, (_, i) => i % 10));
const records = cifarRecords([1, 2, 3]);
const pickle = cifarPickle([1, 2], randomBytes(2 * 3072, 4));
const archive = tar({ "a/data_batch_1.bin": records, "a/readme.html": randomBytes(88, 9) });

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "striate-hostile-"));
  await mkdir(join(folder, "a"));
});
afterAll(() => rm(folder, { recursive: true }));

async function readPicture(bytes: Uint8Array, file: string) {
  const path = join(folder, "a", file);
  await writeFile(path, bytes);
  const facts = {
    name: "x",
    split: "train",
    classes: ["a"],
    imageShape: [16, 16, 3] as const,
    fingerprint: "",
  };
  const normalization = { mean: [0, 0, 0], std: [1, 1, 1] };
  const paths = [path];
  const source = {
    kind: "folder",
    facts: { ...facts, normalization },
    paths,
    fit: "crop",
    cropFraction: 1,
  } as const;
  await new FolderDataset({ ...source, labels: Uint16Array.of(0) }).read(0, new Uint8Array(768));
}

async function readArchive(bytes: Uint8Array, file: string) {
  const wants = (name: string) => name.endsWith(".bin");
  const options = { file, wants, mostBytes: 1e6 };
  let count = 0;
  for await (const member of readTar(gunzipChunks(bytes, file), options)) {
    readCifarRecords([{ file, bytes: member.bytes }], 10);
    count++;
  }
  if (count === 0) throw new DatasetError(`${file}: holds no batch.`);
}

const picture = await sharp(Buffer.from(randomBytes(24 * 24 * 3, 2)), {
  raw: { width: 24, height: 24, channels: 3 },
});
const formats: Readonly<Record<string, Format>> = {
  "idx3.gz": {
    sound: gzip(images),
    header: 10,
    read: async (bytes, file) => readIdxImages(await inflateIdx(bytes, "images", file), file),
  },
  idx3: { sound: images, header: 16, read: readIdxImages },
  idx1: { sound: labels, header: 8, read: readIdxLabels },
  "idx1.gz": {
    sound: gzip(labels),
    header: 10,
    read: async (bytes, file) => readIdxLabels(await inflateIdx(bytes, "labels", file), file),
  },
  bin: { sound: records, header: 1, read: (bytes, file) => readCifarRecords([{ file, bytes }], 10) },
  pickle: { sound: pickle, header: 190, read: (bytes, file) => readCifarPickles([{ file, bytes }], 10) },
  "tar.gz": { sound: gzip(archive), header: 10, read: readArchive },
  png: { sound: await picture.png().toBuffer(), header: 33, read: readPicture },
  jpg: { sound: await picture.jpeg().toBuffer(), header: 160, read: readPicture },
};

/** Runs a reader and says what came of it: nothing but a result or a DatasetError that begins with the file's name. */
async function outcome(format: Format, bytes: Uint8Array, file: string): Promise<"read" | "refused"> {
  try {
    await format.read(bytes, file);
    return "read";
  } catch (error) {
    expect(error).toBeInstanceOf(DatasetError);
    const { message } = error as DatasetError;
    expect(message).toContain(`${file}: `);
    expect(message.length).toBeGreaterThan(file.length + 12);
    return "refused";
  }
}

const damaged = (sound: Uint8Array, at: number, mask: number) => {
  const bytes = Uint8Array.from(sound);
  bytes[at] ^= mask;
  return bytes;
};

describe("damaged files", () => {
  for (const [name, format] of Object.entries(formats)) {
    const { sound, header } = format;
    const random = new RandomStream(keyOf(sound.length, header));

    test(`${name}: the sound file is read`, async () => {
      expect(await outcome(format, sound, `sound.${name}`)).toBe("read");
    });

    test(`${name}: cut at 12 places, it is refused`, async () => {
      const places = [
        0,
        1,
        header - 1,
        header,
        sound.length - 1,
        ...Array.from({ length: 7 }, () => random.integer(sound.length)),
      ];
      for (const place of places) {
        // A cut between two records leaves a sound file.
        if (name === "bin" && place % 3073 === 0 && place > 0) continue;
        // The last bytes of a picture end it; decoders may do without them.
        const isEnd = (name === "jpg" || name === "png") && place > sound.length - 30;
        const result = await outcome(format, sound.subarray(0, place), `cut-${place}.${name}`);
        if (!isEnd) expect([place, result]).toEqual([place, "refused"]);
      }
    });

    test(`${name}: with 12 bits of its head flipped, it is read or refused, and never anything else`, async () => {
      for (let i = 0; i < 12; i++) {
        const place = random.integer(header);
        const mask = 1 << random.integer(8);
        await outcome(format, damaged(sound, place, mask), `flip-${place}-${mask}.${name}`);
      }
    });

    test(`${name}: with 8 bits flipped anywhere, it is read or refused, and gzip's sum tells`, async () => {
      for (let i = 0; i < 8; i++) {
        const place = header + random.integer(sound.length - header);
        const mask = 1 << random.integer(8);
        const result = await outcome(format, damaged(sound, place, mask), `flip-${place}-${mask}.${name}`);
        // Fields of the gzip header beside magic and method carry no data.
        if (name.endsWith("gz")) expect([place, mask, result]).toEqual([place, mask, "refused"]);
      }
    });

    test(`${name}: what is of another kind is refused`, async () => {
      const isPicture = name === "png" || name === "jpg";
      for (const [other, { sound: bytes }] of Object.entries(formats)) {
        if (other === name || (isPicture && (other === "png" || other === "jpg"))) continue;
        // Readers of IDX and of archives take plain data and gzip alike.
        if (other.replace(".gz", "") === name.replace(".gz", "")) continue;
        expect([other, await outcome(format, bytes, `${other}-as.${name}`)]).toEqual([other, "refused"]);
      }
      expect(await outcome(format, new Uint8Array(5000), `zeros.${name}`)).toBe("refused");
    });
  }

  test("take no more memory than they announce truly", async () => {
    // 47 MB of zeros shrink to 46 kB; a header that announces 2 GB over them is refused before memory is taken.
    const bomb = idxImages(1, 1, 1);
    const bytes = new Uint8Array(47e6);
    bytes.set(bomb);
    bytes.set([0, 0, 0x2a, 0xf8], 4);
    bytes.set([0, 0, 1, 0], 8);
    bytes.set([0, 0, 2, 0], 12);
    const before = process.memoryUsage().arrayBuffers;
    const zipped = gzip(bytes);
    await expect(inflateIdx(zipped, "images", "bomb.gz")).rejects.toThrow(DatasetError);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200e6);
  });
});
