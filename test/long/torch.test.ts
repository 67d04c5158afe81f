/** Weights written here, in networks of torchvision: `load_state_dict` takes them strictly, and the logits are ours. */

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli } from "../../src/cli/program.ts";
import type { Engine } from "../../src/engines/engine.ts";
import { wasmEngine } from "../../src/engines/wasm/engine.ts";
import { writeFileAtomic } from "../../src/formats/node.ts";
import { modelNamed } from "../../src/models/registry.ts";
import { encodeCheckpoint } from "../../src/train/checkpoint.ts";
import { createLearner } from "../../src/train/compiled-learner.ts";
import { trainingOptions } from "../../src/train/options.ts";
import { initialProgress } from "../../src/train/progress.ts";
import { fillValues, nchwToNhwc } from "../golden/fill.ts";

const python = "/usr/bin/python3";
const run = promisify(execFile);
const found = await run(python, ["-c", "import torch, torchvision; print(torchvision.__version__)"]).then(
  ({ stdout }) => stdout.trim(),
  () => undefined,
);
if (found === undefined)
  console.warn(`SKIPPED: no test that PyTorch loads our files, because ${python} has no torchvision.`);

const script = fileURLToPath(new URL("load_state_dict.py", import.meta.url));

describe.skipIf(found === undefined)("torchvision loads what striate export writes", () => {
  let engine: Engine;
  let folder: string;
  beforeAll(async () => {
    engine = await wasmEngine();
    folder = await mkdtemp(join(tmpdir(), "striate-torch-"));
  });
  afterAll(async () => {
    engine.dispose();
    await rm(folder, { recursive: true });
  });

  test.each([
    ["resnet18", "resnet18"],
    ["squeezenet1-1", "squeezenet1_1"],
    ["densenet121", "densenet121"],
    ["googlenet-torchvision", "googlenet"],
    ["mobilenet-v2", "mobilenet_v2"],
    ["mobilenet-v3-large", "mobilenet_v3_large"],
    ["efficientnet-b3", "efficientnet_b3"],
    ["shufflenet-v2-x2-0", "shufflenet_v2_x2_0"],
    ["alexnet", "alexnet"],
  ])("%s as %s, strictly, and computes our logits", async (model, network) => {
    const [edge, classes] = [96, 1000];
    const imageShape = [edge, edge, 3] as const;
    const learner = await createLearner({ model: modelNamed(model).build(), imageShape, engine, seed: 3 });
    const pixels = fillValues("input", [1, 3, edge, edge], "input");
    const { logits } = await learner.evaluate(nchwToNhwc(pixels, [1, 3, edge, edge]), Float32Array.of(0), 1);
    const ours = logits.slice();
    const checkpoint = await encodeCheckpoint({
      version: "0",
      model: { name: model, options: { classes } },
      data: {
        name: "none",
        fingerprint: "",
        classes: [],
        normalization: { mean: [0, 0, 0], std: [1, 1, 1] },
        imageShape,
      },
      training: trainingOptions({}),
      progress: initialProgress,
      state: learner.state(),
    });
    learner.dispose();
    await writeFileAtomic(join(folder, "ours.safetensors"), checkpoint);
    await writeFile(join(folder, "input.f32"), pixels);
    const file = join(folder, `${model}.pth`);
    await exported(join(folder, "ours.safetensors"), file);
    const { stdout } = await run(python, [script, network, file, `${edge}`, join(folder, "input.f32")], {
      maxBuffer: 1 << 24,
    });
    const theirs: readonly number[] = JSON.parse(stdout);
    const spread = Math.max(...theirs) - Math.min(...theirs);
    const worst = Math.max(...theirs.map((logit, i) => Math.abs(logit - ours[i]))) / spread;
    console.log(`${model}: torchvision ${found} differs by ${worst.toExponential(1)} of the logits' spread`);
    expect(theirs).toHaveLength(classes);
    expect(worst).toBeLessThan(1e-4);
  });
});

/** Runs `striate export`. */
async function exported(file: string, out: string): Promise<void> {
  let log = "";
  const args = ["export", file, "--out", out];
  const code = await runCli(args, {
    out: () => undefined,
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
}
