/** `striate profile`: where the time of a network goes, step by step. */

import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { type Profile, type ProfiledKind, type ProfiledStep, profile } from "../engines/profile.ts";
import { traceOf } from "../engines/trace.ts";
import type { Recomputation } from "../graph/recompute.ts";
import { modelNamed } from "../models/registry.ts";
import { keyOf, RandomStream } from "../tensor/random.ts";
import { createLearner } from "../train/compiled-learner.ts";
import { trainingOptions } from "../train/options.ts";
import { recipeFor } from "../train/recipes.ts";
import { addEngineOptions, type EngineFlags, openEngine } from "./engines.ts";
import { count, type ImageShape, imageShape } from "./flags.ts";
import type { Host } from "./host.ts";
import { recomputeOption } from "./recompute-option.ts";
import { formatCount, formatPercent, formatTable } from "./table.ts";

interface ProfileFlags extends EngineFlags {
  readonly train?: boolean;
  readonly batch?: number;
  readonly input?: ImageShape;
  readonly classes?: number;
  readonly runs?: number;
  readonly top?: number;
  readonly recompute?: Recomputation;
  readonly trace?: string;
  readonly json?: boolean;
}

export function addProfile(program: Command, host: Host): void {
  const command = program
    .command("profile")
    .description("Time each step of a network on random images: milliseconds, GFLOP/s, bytes moved.")
    .argument("<model>", "a model by name; `striate models` lists them")
    .option("--train", "time a training step, with the optimizer of the model's recipe (default: inference)")
    .option("--batch <n>", "images in a run (default: 1, with --train 8)", count)
    .option("--input <HxWxC>", "height, width and channels of the image", imageShape)
    .option("--classes <n>", "length of the logits", count)
    .option("--runs <n>", "runs to take the median of, after one that is not timed (default: 10)", count)
    .option("--top <n>", "show the slowest steps alone", count)
    .addOption(recomputeOption());
  addEngineOptions(command)
    .option("--trace <file>", "also write one run for chrome://tracing or ui.perfetto.dev")
    .option("--json", "write one JSON object")
    .action((name: string, flags: ProfileFlags) => runProfile(name, flags, host));
}

async function runProfile(name: string, flags: ProfileFlags, host: Host): Promise<void> {
  const entry = modelNamed(name);
  const classes = flags.classes ?? entry.classes;
  const shape = flags.input ?? entry.input;
  const form = flags.train ? "train" : "evaluate";
  const batch = flags.batch ?? (flags.train ? 8 : 1);
  const engine = await openEngine(flags, host);
  try {
    const learner = await createLearner({
      model: entry.build({ classes }),
      imageShape: shape,
      engine,
      optimizer: trainingOptions(recipeFor(entry.name)).optimizer,
      ...(flags.recompute === undefined ? {} : { recompute: flags.recompute }),
    });
    const random = new RandomStream(keyOf(0));
    const images = Float32Array.from({ length: batch * shape[0] * shape[1] * shape[2] }, () =>
      random.normal(),
    );
    const labels = Float32Array.from({ length: batch }, () => random.integer(classes));
    const measured = await profile(await learner.program(form, batch), {
      inputs: { x: images, labels },
      // Weights stay as they are: they would grow without bounds on noise.
      scalars: { learningRate: 0 },
      ...(flags.runs === undefined ? {} : { runs: flags.runs }),
    });
    if (flags.trace !== undefined) await writeFile(flags.trace, JSON.stringify(traceOf(measured)));
    const subject = {
      model: entry.name,
      form: flags.train ? "training" : "inference",
      batch,
      inputShape: shape,
      engine: engine.name,
      threads: engine.threads,
    };
    const { timeline: _, ...rest } = measured;
    host.out(
      flags.json ? `${JSON.stringify({ ...subject, ...rest })}\n` : textOf(subject, measured, flags.top),
    );
    if (flags.trace !== undefined) host.log(`A run is in ${flags.trace}: open it with ui.perfetto.dev.\n`);
    learner.dispose();
  } finally {
    engine.dispose();
  }
}

interface Subject {
  readonly model: string;
  readonly form: string;
  readonly batch: number;
  readonly inputShape: readonly number[];
  readonly engine: string;
  readonly threads: number;
}

function textOf(
  { model, form, batch, inputShape, engine, threads }: Subject,
  { steps, kinds, durationMs, runs, preparation }: Profile,
  top: number | undefined,
): string {
  const shown =
    top === undefined ? steps : steps.toSorted((a, b) => b.durationMs - a.durationMs).slice(0, top);
  const right = "right" as const;
  const figures = [
    { title: "ms", align: right },
    { title: "share", align: right },
    { title: "GFLOP/s", align: right },
    { title: "GB/s", align: right },
  ];
  const stepTable = formatTable(
    [
      { title: "step", align: right },
      { title: "layer" },
      { title: "what" },
      { title: "result", align: right },
      ...figures,
    ],
    shown.map((each) => [
      String(each.step),
      each.layer,
      each.operations,
      each.shape.join("×") || "1",
      ...figuresOf(each),
    ]),
  );
  const kindTable = formatTable(
    [{ title: "what" }, { title: "steps", align: right }, ...figures],
    kinds.map((each) => [each.operations, String(each.steps), ...figuresOf(each)]),
  );
  const macs = steps.reduce((sum, each) => sum + each.macs, 0);
  const prepared =
    preparation.steps === 0
      ? ""
      : `${preparation.steps} more steps run when weights have changed: ${preparation.durationMs.toFixed(2)} ms\n`;
  return [
    `${model}, ${form}, ${batch === 1 ? "1 image" : `${batch} images`} ${inputShape.join("×")}, `,
    `engine ${engine}, ${threads === 1 ? "1 thread" : `${threads} threads`}\n\n`,
    `${stepTable}\n${kindTable}\n`,
    `${durationMs.toFixed(2)} ms a run, median of ${runs}: ${((1000 * batch) / durationMs).toFixed(1)} images/s, `,
    `${formatCount(macs)} multiply-adds, ${perSecond(2 * macs, durationMs)} GFLOP/s\n${prepared}`,
  ].join("");
}

/** Milliseconds, share, GFLOP/s and GB/s; a multiply-add is two operations. */
function figuresOf(
  each: Pick<ProfiledStep | ProfiledKind, "durationMs" | "share" | "macs" | "bytes">,
): string[] {
  return [
    each.durationMs.toFixed(3),
    formatPercent(each.share),
    each.macs === 0 ? "" : perSecond(2 * each.macs, each.durationMs),
    perSecond(each.bytes, each.durationMs),
  ];
}

/** Billions a second, or "–" for what was too quick for the clock. */
function perSecond(amount: number, durationMs: number): string {
  return durationMs > 0 ? (amount / durationMs / 1e6).toFixed(1) : "–";
}
