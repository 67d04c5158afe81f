#!/usr/bin/env node
/** The program `striate`. */

import { processHost } from "./host.ts";
import { runCli } from "./program.ts";

// A reader that has seen enough (`striate models | head`) closes the pipe: that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const host = processHost();
const code = await runCli(host.args, host);
// Waits until the result is written, then ends whatever threads and sockets are left.
process.stdout.write("", () => process.exit(code));
