/** Where the time of a program goes: how long each step takes, as the engine itself tells. */

import { bytesMoved } from "../graph/traffic.ts";
import { OptionError } from "../tensor/errors.ts";
import type { Shape } from "../tensor/shape.ts";
import type { Program, Scalars } from "./engine.ts";

export interface ProfileOptions {
  readonly inputs: Readonly<Record<string, ArrayLike<number>>>;
  readonly scalars?: Scalars;
  /** Runs that are timed, after one that is not. Default 10. */
  readonly runs?: number;
}

export interface ProfiledStep {
  /** Its number in the plan. */
  readonly step: number;
  /** Place in the network: "layer1.0.conv1", in the backward pass "backward.layer1.0.conv1". */
  readonly layer: string;
  /** "conv2d + batchNormalize + relu". */
  readonly operations: string;
  /** Of the result. */
  readonly shape: Shape;
  /** Median of the runs. */
  readonly durationMs: number;
  /** Of all steps. */
  readonly share: number;
  readonly macs: number;
  /** Read and written at least. */
  readonly bytes: number;
}

/** The steps of one kind together. */
export interface ProfiledKind
  extends Pick<ProfiledStep, "operations" | "durationMs" | "share" | "macs" | "bytes"> {
  readonly steps: number;
}

/** One run as it was: when each step ended, from the beginning of the run. */
export interface Timeline {
  readonly ends: readonly { readonly step: number; readonly endMs: number }[];
}

export interface Profile {
  /** Those that each run does; what is prepared once for many runs is left out. */
  readonly steps: readonly ProfiledStep[];
  /** The slowest first. */
  readonly kinds: readonly ProfiledKind[];
  /** Median of whole runs. */
  readonly durationMs: number;
  readonly runs: number;
  /** Steps that run only when the state has changed, and what they took. */
  readonly preparation: { readonly steps: number; readonly durationMs: number };
  /** The run whose length is the median. */
  readonly timeline: Timeline;
}

/** Times the steps of a program. What the inputs are does not matter to the time, as long as they are ordinary numbers. */
export async function profile(program: Program, options: ProfileOptions): Promise<Profile> {
  const { runs = 10 } = options;
  if (!(Number.isInteger(runs) && runs >= 1))
    throw new OptionError(`runs is ${runs}; it must be a whole number, at least 1.`, { runs });
  const { plan } = program;
  const [first, ...timed] = await timelinesOf(program, options, runs + 1);
  const ordered = timed.toSorted((a, b) => lengthOf(a) - lengthOf(b));
  const middle = ordered[Math.floor((runs - 1) / 2)];

  const durations = new Map<number, number[]>();
  for (const timeline of timed)
    for (const { step, durationMs } of durationsOf(timeline)) {
      const known = durations.get(step);
      if (known === undefined) durations.set(step, [durationMs]);
      else known.push(durationMs);
    }
  const medians = [...durations].map(([step, each]) => ({ step, durationMs: median(each) }));
  const total = medians.reduce((sum, { durationMs }) => sum + durationMs, 0);
  const steps = medians.map(({ step, durationMs }): ProfiledStep => {
    const { name, tensor, macs } = plan.steps[step];
    const colon = name.indexOf(": ");
    return {
      step,
      layer: name.slice(0, colon),
      operations: name.slice(colon + 2),
      shape: tensor.shape,
      durationMs,
      share: total > 0 ? durationMs / total : 0,
      macs,
      bytes: bytesMoved(plan.steps[step]),
    };
  });
  const prepared = durationsOf(first).filter(({ step }) => !durations.has(step));
  return {
    steps,
    kinds: kindsOf(steps),
    durationMs: median(timed.map(lengthOf)),
    runs,
    preparation: {
      steps: prepared.length,
      durationMs: prepared.reduce((sum, { durationMs }) => sum + durationMs, 0),
    },
    timeline: middle,
  };
}

async function timelinesOf(
  program: Program,
  { inputs, scalars = {} }: ProfileOptions,
  runs: number,
): Promise<Timeline[]> {
  const timelines: Timeline[] = [];
  for (let run = 0; run < runs; run++) {
    const ends: { step: number; endMs: number }[] = [];
    await program.run(inputs, scalars, (step, endMs) => ends.push({ step, endMs }));
    timelines.push({ ends });
  }
  return timelines;
}

/** How long each step of a run took; the first takes the copying of the inputs with it. */
export function durationsOf({ ends }: Timeline): { step: number; startMs: number; durationMs: number }[] {
  return ends.map(({ step, endMs }, i) => {
    const startMs = i === 0 ? 0 : ends[i - 1].endMs;
    return { step, startMs, durationMs: endMs - startMs };
  });
}

function kindsOf(steps: readonly ProfiledStep[]): ProfiledKind[] {
  const kinds = new Map<string, ProfiledKind>();
  for (const { operations, durationMs, share, macs, bytes } of steps) {
    const before = kinds.get(operations) ?? {
      operations,
      steps: 0,
      durationMs: 0,
      share: 0,
      macs: 0,
      bytes: 0,
    };
    kinds.set(operations, {
      operations,
      steps: before.steps + 1,
      durationMs: before.durationMs + durationMs,
      share: before.share + share,
      macs: before.macs + macs,
      bytes: before.bytes + bytes,
    });
  }
  return [...kinds.values()].sort((a, b) => b.durationMs - a.durationMs);
}

function lengthOf({ ends }: Timeline): number {
  return ends.at(-1)?.endMs ?? 0;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
}
