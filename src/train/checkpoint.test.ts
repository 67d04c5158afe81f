import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readSafetensors } from "../formats/safetensors.ts";
import type { ParameterKind } from "../ops/operation.ts";
import { CheckpointError, RandomStream } from "../tensor/index.ts";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";
import { fromReferenceLayout, toReferenceLayout } from "./layout.ts";
import { trainingOptions } from "./options.ts";
import { initialProgress } from "./progress.ts";
import { version } from "./version.ts";

const counting = (length: number) => Float32Array.from({ length }, (_, i) => i);

function example(changes: Partial<Checkpoint> = {}): Checkpoint {
  return {
    version,
    model: { name: "lenet5", options: { classes: 10 } },
    data: {
      name: "digits",
      fingerprint: "00ff",
      classes: ["zero", "one — ∂"],
      normalization: { mean: [0.1307], std: [0.3081] },
      imageShape: [28, 28, 1],
    },
    training: trainingOptions({ schedule: "plateau", patience: 3 }),
    progress: {
      ...initialProgress,
      epoch: 2,
      step: 31,
      batch: 5,
      lossSum: 0.1 + 0.2,
      best: { epoch: 1, top1: 0.9, loss: null },
      last: { trainLoss: 1 / 3, valLoss: 2 / 3, valTop1: 0.9 },
    },
    state: new Map([
      ["conv1.weight", { kind: "filter", shape: [2, 3, 4, 5], data: counting(120) }],
      ["conv1.bias", { kind: "vector", shape: [5], data: counting(5) }],
      ["fc.weight", { kind: "matrix", shape: [3, 2], data: counting(6) }],
      ["optimizer.fc.weight.velocity", { kind: "matrix", shape: [3, 2], data: counting(6) }],
    ]),
    best: new Map([["fc.weight", { kind: "matrix", shape: [3, 2], data: counting(6) }]]),
    ...changes,
  };
}

describe("a checkpoint", () => {
  test("comes back from its bytes as it was", async () => {
    const checkpoint = example();
    expect(await decodeCheckpoint(await encodeCheckpoint(checkpoint), "x")).toEqual(checkpoint);
  });

  test("comes back from a Buffer of Node too, which it leaves as it was", async () => {
    const bytes = await encodeCheckpoint(example());
    const shared = Buffer.concat([Buffer.alloc(3), bytes]).subarray(3);
    expect(await decodeCheckpoint(shared, "x")).toEqual(example());
    expect(shared.equals(bytes)).toBe(true);
  });

  test("is the same bytes for the same state, whatever the order of maps and keys", async () => {
    const checkpoint = example();
    const turned = example({
      state: new Map([...checkpoint.state].reverse()),
      model: { options: checkpoint.model.options, name: "lenet5" },
    });
    expect(await encodeCheckpoint(turned)).toEqual(await encodeCheckpoint(checkpoint));
  });

  test("holds weights in PyTorch's layout under their names", async () => {
    const { tensors } = readSafetensors(await encodeCheckpoint(example()), "x");
    expect(tensors.get("conv1.weight")?.shape).toEqual([5, 4, 2, 3]);
    expect(tensors.get("fc.weight")?.shape).toEqual([2, 3]);
    const values = new Float32Array(tensors.get("fc.weight")?.bytes.slice().buffer ?? new ArrayBuffer());
    expect([...values]).toEqual([0, 2, 4, 1, 3, 5]);
    expect([...tensors.keys()].sort()).toEqual([
      "best.fc.weight",
      "conv1.bias",
      "conv1.weight",
      "fc.weight",
      "optimizer.fc.weight.velocity",
    ]);
  });

  test("keeps every layout through a file and back", () => {
    const kinds: [ParameterKind, number][] = [
      ["filter", 4],
      ["transposedFilter", 4],
      ["matrix", 2],
      ["vector", 1],
    ];
    const tensor = fc.constantFrom(...kinds).chain(([kind, rank]) =>
      fc.record({
        kind: fc.constant(kind),
        shape: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: rank, maxLength: rank }),
      }),
    );
    fc.assert(
      fc.property(tensor, ({ kind, shape }) => {
        const data = counting(shape.reduce((product, extent) => product * extent, 1));
        expect(fromReferenceLayout(toReferenceLayout({ shape, data }, kind), kind)).toEqual({ shape, data });
      }),
      { seed: 5, numRuns: 60 },
    );
  });

  test("puts element [r, s, c, k] of a filter at [k, c, r, s]", () => {
    const [r, s, c, k] = [1, 2, 3, 4];
    const ours = counting(2 * 3 * 4 * 5);
    const { data } = toReferenceLayout({ shape: [2, 3, 4, 5], data: ours }, "filter");
    expect(data[((k * 4 + c) * 2 + r) * 3 + s]).toBe(ours[((r * 3 + s) * 4 + c) * 5 + k]);
  });
});

describe("a checkpoint file is refused", () => {
  async function refusal(bytes: Uint8Array<ArrayBuffer>): Promise<CheckpointError> {
    try {
      await decodeCheckpoint(bytes, "runs/x/last.safetensors");
    } catch (error) {
      if (error instanceof CheckpointError) return error;
      throw error;
    }
    throw new Error("the file was accepted");
  }

  function expectNamed(error: CheckpointError) {
    expect(error.message).toMatch(/^runs\/x\/last\.safetensors: at byte [\d,]+: .{10,}\.$/s);
    expect(error.message.length).toBeLessThan(500);
    expect(error.facts).toMatchObject({ file: "runs/x/last.safetensors", offset: expect.any(Number) });
  }

  test("cut at any of 60 random places", async () => {
    const bytes = await encodeCheckpoint(example());
    const random = new RandomStream(1);
    for (let i = 0; i < 60; i++) expectNamed(await refusal(bytes.slice(0, random.integer(bytes.length))));
  });

  test("with any of 200 random bits flipped, in header, checksum or elements", async () => {
    const bytes = await encodeCheckpoint(example());
    const headerBytes = bytes.length - 5 * 4 - 120 * 4 - 3 * 24;
    const random = new RandomStream(2);
    for (let i = 0; i < 200; i++) {
      const flipped = bytes.slice();
      // Half of them in the header, which has more ways to go wrong than the elements.
      const at = random.integer(i % 2 ? headerBytes : bytes.length);
      flipped[at] ^= 1 << random.integer(8);
      expectNamed(await refusal(flipped));
    }
  });

  test("with bytes added, swapped or zeroed at 60 random places", async () => {
    const bytes = await encodeCheckpoint(example());
    const random = new RandomStream(3);
    for (let i = 0; i < 60; i++) {
      const at = random.integer(bytes.length - 64);
      const length = 1 + random.integer(63);
      const zeroed = bytes.slice();
      zeroed.fill(i % 2 ? 0xff : 0, at, at + length);
      if (zeroed.some((byte, index) => byte !== bytes[index])) expectNamed(await refusal(zeroed));
      const longer = new Uint8Array(bytes.length + length);
      longer.set(bytes.subarray(0, at));
      longer.set(bytes.subarray(at), at + length);
      expectNamed(await refusal(longer));
    }
  });

  test("with any of 40 header lengths from one byte off to 2⁶⁴ − 1, without taking that memory", async () => {
    const bytes = await encodeCheckpoint(example());
    const random = new RandomStream(4);
    const view = new DataView(bytes.buffer);
    const right = view.getBigUint64(0, true);
    const lengths = [0n, 1n, right - 1n, right + 1n, 2n ** 31n, 2n ** 53n + 1n, 2n ** 64n - 1n];
    while (lengths.length < 40) lengths.push(BigInt(random.integer(2 ** 30)) << BigInt(random.integer(34)));
    for (const length of lengths) {
      view.setBigUint64(0, length, true);
      expectNamed(await refusal(bytes));
    }
  });

  /** The file of a checkpoint that was never right, with a checksum that is. */
  const sealed = (changes: Record<string, unknown>) =>
    encodeCheckpoint({ ...example(), ...changes } as Checkpoint);
  const data = example().data;
  const training = example().training;
  test.each<[string, Record<string, unknown>, RegExp]>([
    ["a model without a name", { model: { options: {} } }, /striate\.model\.name is missing, not text/],
    ["options that are a list", { model: { name: "x", options: [] } }, /options is \[\], not an object/],
    ["data that is null", { data: null }, /striate\.data is null, not an object/],
    ["an image without extent", { data: { ...data, imageShape: [28, 0, 1] } }, /imageShape is \[28,0,1\]/],
    [
      "classes that are numbers",
      { data: { ...data, classes: [1] } },
      /classes is \[1\], not a list of texts/,
    ],
    [
      "a mean of two channels for one",
      { data: { ...data, normalization: { mean: [0, 0], std: [1] } } },
      /1 finite/,
    ],
    ["a negative epoch", { progress: { ...initialProgress, epoch: -1 } }, /epoch is -1, not a whole number/],
    ["half a step", { progress: { ...initialProgress, step: 0.5 } }, /step is 0\.5/],
    [
      "an unknown schedule",
      { training: { ...training, schedule: "linear" } },
      /striate\.training: schedule "linear"/,
    ],
    ["a learning rate of zero", { training: { ...training, learningRate: 0 } }, /learningRate is 0/],
    [
      "another optimizer",
      { training: { ...training, optimizer: { kind: "adam" } } },
      /kind is "adam", not one of sgd/,
    ],
    ["a patience of text", { training: { ...training, patience: "3" } }, /patience is "3"/],
  ])("when it says %s", async (_title, changes, reason) => {
    const error = await refusal(await sealed(changes));
    expectNamed(error);
    expect(error.message).toMatch(reason);
  });

  test("when it is weights of another tool, and says so", async () => {
    const header = new TextEncoder().encode('{"__metadata__":{"format":"pt"}}');
    const bytes = new Uint8Array(8 + header.length);
    bytes[0] = header.length;
    bytes.set(header, 8);
    expect((await refusal(bytes)).message).toMatch(/without Striate's metadata/);
  });
});
