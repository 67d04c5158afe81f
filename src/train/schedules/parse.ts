/** Schedules as the command line and checkpoints name them: "cosine", "step:10:0.1", "multistep:80,120:0.1", … */

import { OptionError } from "../../tensor/index.ts";
import { constant } from "./constant.ts";
import { cosine } from "./cosine.ts";
import { exponential } from "./exponential.ts";
import { multiStep } from "./multi-step.ts";
import { plateau } from "./plateau.ts";
import type { Schedule } from "./schedule.ts";
import { step } from "./step.ts";

interface Form {
  /** How it is written, with what may be left out in brackets. */
  readonly form: string;
  /** The schedule of these arguments, or undefined when they are not such. */
  make(parts: readonly string[]): Schedule | undefined;
}

/** All schedules, as error messages and `--help` list them. */
export const scheduleForms: Readonly<Record<string, Form>> = {
  constant: { form: "constant", make: (parts) => (parts.length === 0 ? constant() : undefined) },
  cosine: { form: "cosine", make: (parts) => (parts.length === 0 ? cosine() : undefined) },
  step: {
    form: "step:EPOCHS[:FACTOR]",
    make: ([every, gamma = "0.1", ...rest]) =>
      rest.length === 0 && isWhole(every, 1) && isFactor(gamma)
        ? step(Number(every), Number(gamma))
        : undefined,
  },
  multistep: {
    form: "multistep:EPOCH,EPOCH,…[:FACTOR]",
    make([list = "", gamma = "0.1", ...rest]) {
      const milestones = list.split(",");
      if (rest.length > 0 || !milestones.every((milestone) => isWhole(milestone, 1)) || !isFactor(gamma))
        return;
      const epochs = milestones.map(Number);
      return epochs.every((epoch, i) => i === 0 || epoch > epochs[i - 1])
        ? multiStep(epochs, Number(gamma))
        : undefined;
    },
  },
  exponential: {
    form: "exponential:FACTOR",
    make: ([gamma, ...rest]) =>
      rest.length === 0 && isFactor(gamma) ? exponential(Number(gamma)) : undefined,
  },
  plateau: {
    form: "plateau[:FACTOR[:PATIENCE]]",
    make: ([factor = "0.1", patience = "10", ...rest]) =>
      rest.length === 0 && isFactor(factor) && isWhole(patience, 0)
        ? plateau(Number(factor), Number(patience))
        : undefined,
  },
};

/** The schedule that `text` names. Throws an OptionError that lists the forms when it names none. */
export function parseSchedule(text: string): Schedule {
  const [name, ...parts] = text.split(":");
  const known = Object.hasOwn(scheduleForms, name) ? scheduleForms[name] : undefined;
  const schedule = known?.make(parts);
  if (schedule) return schedule;
  const facts = { option: "schedule", value: text };
  if (known) {
    const rule = "FACTOR is a number over 0 and at most 1, epochs are whole and rise";
    throw new OptionError(`schedule "${text}": it is written ${known.form}; ${rule}.`, facts);
  }
  const forms = Object.values(scheduleForms).map(({ form }) => form);
  throw new OptionError(
    `schedule "${text}": there is none of this name; there are ${forms.join(", ")}.`,
    facts,
  );
}

function isWhole(text: string | undefined, least: number): boolean {
  return text !== undefined && /^\d{1,9}$/.test(text) && Number(text) >= least;
}

function isFactor(text: string | undefined): boolean {
  return (
    text !== undefined && /^(\d+\.?\d*|\.\d+)(e-?\d+)?$/.test(text) && Number(text) > 0 && Number(text) <= 1
  );
}
