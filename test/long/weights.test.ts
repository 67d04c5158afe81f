/** Weights that others trained, in our networks, on the WASM engine and on native code: as many pictures are right as with PyTorch. */

import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli } from "../../src/cli/program.ts";
import { Loader } from "../../src/data/index.ts";
import { openDataset } from "../../src/data/node.ts";
import { openEngine } from "../../src/engines/native/index.ts";
import { evaluate } from "../../src/evaluate/evaluate.ts";
import { readFileBytes } from "../../src/formats/node.ts";
import { openClassifier } from "../../src/inference/node.ts";
import { modelNamed } from "../../src/models/registry.ts";
import { createLearner } from "../../src/train/compiled-learner.ts";
import { loadWeights } from "../../src/train/weights.ts";
import { readWeights } from "../../src/train/weights-file.ts";

const weights = fileURLToPath(new URL("../../../shared/weights/", import.meta.url));
const data = fileURLToPath(new URL("../../../shared/data/cifar10/", import.meta.url));
const missing = [weights, data].filter((folder) => !existsSync(folder));
if (missing.length > 0)
  console.warn(`SKIPPED: no test on published weights, because ${missing.join(" and ")} is missing.`);

/** What the weights were trained with. */
const normalization = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** Engines that both kinds of published weights are run on. */
const engines = ["wasm", "native"] as const;

const cifarWeights = [
  ["cifar-resnet-20", "resnet20-12fca82f.th", 915],
  ["cifar-resnet-32", "resnet32-d509ac18.th", 928],
] as const;

describe.skipIf(missing.length > 0)("published weights", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "striate-weights-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test.each(engines.flatMap((engineName) => cifarWeights.map((each) => [engineName, ...each] as const)))(
    "on %s, of %s, get as many of 1,000 pictures of CIFAR-10 right as with PyTorch",
    async (engineName, name, file, right) => {
      const engine = await openEngine(engineName);
      const { build, input } = modelNamed(name);
      const learner = await createLearner({ model: build(), imageShape: input, engine });
      const { format, tensors } = await readWeights(await readFileBytes(`${weights}${file}`), file);
      expect(format).toBe("pytorch");
      expect(loadWeights(learner, tensors, { file })).toEqual([]);
      const pictures = await openDataset("cifar10", { dataDir: data, split: "test", download: false });
      const loader = new Loader(pictures, { batch: 100, normalization });
      const { images, top1 } = await evaluate(learner, loader.epoch(0)).finally(() => loader.dispose());
      learner.dispose();
      engine.dispose();
      console.log(
        `${name} on ${engineName}: ${Math.round(top1 * images)} of ${images} right, ${right} with PyTorch`,
      );
      expect(images).toBe(1000);
      // A logit that two classes nearly share may tip with the order of a sum.
      expect(Math.abs(top1 * images - right)).toBeLessThanOrEqual(2.001);
    },
  );

  test("are converted and measured on the command line", async () => {
    const checkpoint = join(folder, "resnet20.safetensors");
    const { mean, std } = normalization;
    const normalized = ["--data", "cifar10", "--mean", mean.join(), "--std", std.join()];
    const source = `${weights}resnet20-12fca82f.th`;
    const converted = await run(
      ...["convert", source, "--model", "cifar-resnet-20", ...normalized, "--out", checkpoint, "--json"],
    );
    expect(converted).toMatchObject({ format: "pytorch", classes: 10, parameters: 269_722, drawn: [] });
    const onCifar = ["--data", "cifar10", "--data-dir", data, "--json"];
    const measured = await run("evaluate", checkpoint, ...onCifar);
    expect(measured.images).toBe(1000);
    expect(Math.abs(measured.top1 - 0.915)).toBeLessThan(0.0021);
    // The file itself does as well: the registry knows what its pictures were normalised with.
    const asItIs = await run("evaluate", source, "--model", "cifar-resnet-20", ...onCifar);
    expect([asItIs.top1, asItIs.classes[0]]).toEqual([measured.top1, "airplane"]);
  });
});

/** What Caffe's weights give for a picture, computed with PyTorch's operators. */
interface ExpectedPrediction {
  readonly file: string;
  readonly top5: readonly number[];
  readonly probabilities: readonly number[];
}

const caffeWeights = [
  ["googlenet", "googlenet-bvlc"],
  ["squeezenet1-1", "squeezenet1.1"],
] as const;
const samples = fileURLToPath(new URL("../../../shared/data/imagenet-samples/", import.meta.url));
const absent = caffeWeights
  .map(([, file]) => `${weights}${file}.safetensors`)
  .concat(samples)
  .filter((path) => !existsSync(path));
if (absent.length > 0)
  console.warn(`SKIPPED: no test on Caffe's weights, because ${absent.join(" and ")} is missing.`);

describe.skipIf(absent.length > 0)("weights of Caffe, under its names", () => {
  test.each(engines.flatMap((engineName) => caffeWeights.map((each) => [engineName, ...each] as const)))(
    "on %s give %s the classes of PyTorch's operators on 100 pictures",
    async (engineName, model, file) => {
      const expected: { predictions: readonly ExpectedPrediction[] } = JSON.parse(
        await readFile(`${weights}${file}.expected.json`, "utf8"),
      );
      const engine = await openEngine(engineName);
      const classifier = await openClassifier(`${weights}${file}.safetensors`, { engine, model, batch: 10 });
      const pictures = expected.predictions.map((each) => `${samples}${each.file}`);
      const found = await classifier.classifyFiles(pictures);
      classifier.dispose();
      engine.dispose();
      const right = expected.predictions.filter(({ top5 }, i) => found[i][0].label === top5[0]).length;
      const difference = expected.predictions.flatMap(({ top5, probabilities }, i) =>
        top5.map((label, place) => {
          const same = found[i].find((each) => each.label === label);
          return Math.abs((same?.probability ?? 0) - probabilities[place]);
        }),
      );
      const worst = Math.max(...difference);
      console.log(
        `${model} on ${engineName}: ${right} of 100 first classes as expected, probabilities within ${worst.toFixed(4)}`,
      );
      expect(found).toHaveLength(100);
      expect(right).toBeGreaterThanOrEqual(99);
      expect(worst).toBeLessThan(0.01);
    },
  );
});

/** The JSON that a command of the program gives. */
async function run(...args: readonly string[]) {
  let [out, log] = ["", ""];
  const code = await runCli(args, {
    out: (text) => {
      out += text;
    },
    log: (text) => {
      log += text;
    },
    isTerminal: false,
    columns: () => 80,
    clock: () => performance.now(),
    args,
    onStop: () => () => undefined,
  });
  expect(code, log).toBe(0);
  return JSON.parse(out);
}
