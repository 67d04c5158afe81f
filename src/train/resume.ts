/** Going on from a checkpoint: model, data and options must be as they were, else the numbers would be neither run's. */

import { CheckpointError, formatShape } from "../tensor/index.ts";
import type { Checkpoint, DataRecord, ModelRecord } from "./checkpoint.ts";
import type { Learner, StateTensor } from "./learner.ts";
import type { TrainingOptions } from "./options.ts";
import { parseSchedule } from "./schedules/index.ts";

export interface RunIdentity {
  readonly model: ModelRecord;
  readonly data: DataRecord;
  readonly options: TrainingOptions;
}

/** Throws a CheckpointError that lists all differences between a checkpoint and the run that would go on from it. */
export function checkResume(checkpoint: Checkpoint, run: RunIdentity, file: string): void {
  const differences: string[] = [];
  const compare = (what: string, before: unknown, now: unknown) => {
    const [was, is] = [shown(before), shown(now)];
    if (was !== is) differences.push(`${what} was ${was} and is ${is}`);
  };
  compare("model", checkpoint.model.name, run.model.name);
  compare("model options", checkpoint.model.options, run.model.options);
  compare("image shape", formatShape(checkpoint.data.imageShape), formatShape(run.data.imageShape));
  compare("fingerprint of the training images", checkpoint.data.fingerprint, run.data.fingerprint);
  for (const [option, now] of Object.entries(run.options)) {
    const before = checkpoint.training[option as keyof TrainingOptions];
    // More epochs only lengthen a run, unless its schedule has spread the rates over all of them.
    if (option === "epochs" && !parseSchedule(checkpoint.training.schedule).dependsOnEpochs) continue;
    compare(option, before, now);
  }
  if (differences.length > 0) {
    const message = `${file}: a run goes on only as it began, but ${differences.join("; ")}.`;
    throw new CheckpointError(`${message} Leave these as they were, or start another run.`, {
      file,
      differences,
    });
  }
}

/** JSON with the keys in order: records that went through a file may have them in another. */
function shown(value: unknown): string {
  if (typeof value === "string") return value;
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** Puts the state of `file` into a network; a state that does not fit is that file's mistake, and the error says so. */
export function restoreFrom(file: string, learner: Learner, state: ReadonlyMap<string, StateTensor>): void {
  try {
    learner.restore(state);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    throw new CheckpointError(`${file}: ${error.message}`, { ...error.facts, file }, { cause: error });
  }
}
