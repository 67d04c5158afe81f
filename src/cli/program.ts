/** The command line: its commands, its errors and its exit codes. */

import { Command, CommanderError } from "commander";
import { OptionError, StriateError } from "../tensor/index.ts";
import { version } from "../train/version.ts";
import { addConvert } from "./convert.ts";
import { addDoctor } from "./doctor.ts";
import { addEvaluate } from "./evaluate.ts";
import { addExport } from "./export.ts";
import type { Host } from "./host.ts";
import { addModels } from "./models.ts";
import { addPredict } from "./predict.ts";
import { addProfile } from "./profile.ts";
import { addReceptiveField } from "./receptive-field.ts";
import { addSummary } from "./summary.ts";
import { addTrain } from "./train.ts";

/**
 * Runs one command and returns the exit code: 0 for success, 1 when the work failed, 2 for a command that cannot be, 130
 * when the user stopped it (128 and the number of the signal).
 */
export async function runCli(args: readonly string[], host: Host): Promise<number> {
  let code = 0;
  const program = new Command("striate")
    .description("Convolutional networks: train, evaluate, use and inspect them.")
    .version(version)
    .showHelpAfterError("(--help shows what can be said)")
    .exitOverride()
    .configureOutput({ writeOut: (text) => host.out(text), writeErr: (text) => host.log(text) });
  addTrain(program, host, (exitCode) => {
    code = exitCode;
  });
  addEvaluate(program, host);
  addPredict(program, host);
  addConvert(program, host);
  addExport(program, host);
  addSummary(program, host);
  addReceptiveField(program, host);
  addProfile(program, host);
  addModels(program, host);
  addDoctor(program, host);
  try {
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    // commander has already written its own message; help and version end this way too, with code 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    host.log(`error: ${messageOf(error)}\n`);
    return error instanceof OptionError ? 2 : 1;
  }
}

/** What a person can act on; the message of a mistake in the program itself says at least its kind. */
function messageOf(error: unknown): string {
  if (error instanceof StriateError) return error.message;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
