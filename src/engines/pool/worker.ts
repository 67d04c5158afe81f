/** A worker of the pool: sleeps on shared memory, wakes to run its share of a program or to hear a message. */

import {
  awaitCommand,
  commands,
  controlBytes,
  fail,
  type PreparedProgram,
  StoppedError,
  words,
} from "./control.ts";
import type { PoolMemory, PoolReply, PoolRequest } from "./messages.ts";
import { prepare } from "./prepare.ts";
import { isNode } from "./thread.ts";

interface Port {
  post(reply: PoolReply): void;
  listen(hear: (request: PoolRequest) => void): void;
}

async function openPort(): Promise<Port> {
  if (isNode()) {
    // Whoever waits for this thread does not hear its messages.
    process.on("exit", (code) => fail(control, `the worker ended with exit code ${code}`));
    const specifier = "node:worker_threads";
    const { parentPort }: typeof import("node:worker_threads") = await import(/* @vite-ignore */ specifier);
    if (parentPort === null) throw new Error("worker.js runs on a worker thread only");
    return {
      post: (reply) => parentPort.postMessage(reply),
      listen: (hear) => parentPort.on("message", hear),
    };
  }
  return {
    post: (reply) => globalThis.postMessage(reply),
    listen: (hear) => globalThis.addEventListener("message", (event) => hear(event.data)),
  };
}

const programs = new Map<number, PreparedProgram>();
let memory: PoolMemory | undefined;
let control: Int32Array = new Int32Array(controlBytes / 4);
let thread = 0;
let threads = 1;

const port = await openPort();
port.listen(async (request) => {
  let generation: number;
  try {
    await hear(request);
    // Read before the answer: the pool may begin a run as soon as it has it.
    generation = Atomics.load(control, words.generation);
    port.post({ type: "ready" });
  } catch (error) {
    port.post({ type: "failed", message: String(error) });
    return;
  }
  sleep(generation);
});

async function hear(request: PoolRequest): Promise<void> {
  if (request.type === "open") {
    ({ memory, thread, threads } = request);
    control = new Int32Array(memory.buffer, request.controlOffset, controlBytes / 4);
  } else if (request.type === "unload") programs.delete(request.program);
  else {
    if (memory === undefined) throw new Error("a program came before the memory");
    programs.set(request.program, await prepare(request.code, memory, thread));
  }
}

/** Runs programs until the pool wants to say something. */
function sleep(since: number): void {
  for (let generation = since; ; ) {
    const next = awaitCommand(control, generation);
    generation = next.generation;
    if (next.command === commands.listen) return;
    try {
      const program = programs.get(Atomics.load(control, words.program));
      if (program === undefined) throw new Error("a program was to run that has not come");
      program(control, thread, threads);
    } catch (error) {
      // The thread that began the run reports; this one only must not be lost.
      if (error instanceof StoppedError) continue;
      fail(control, error);
      port.post({ type: "failed", message: String(error) });
    }
  }
}
