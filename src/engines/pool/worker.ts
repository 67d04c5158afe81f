/** A worker of the pool: sleeps on shared memory, wakes to run its share of a program or to hear a message. */

import { awaitCommand, commands, controlBytes, StoppedError, words } from "./control.ts";
import type { PoolMemory, PoolReply, PoolRequest } from "./messages.ts";
import { type PreparedProgram, prepare } from "./prepare.ts";
import { isNode } from "./thread.ts";

interface Port {
  post(reply: PoolReply): void;
  listen(hear: (request: PoolRequest) => void): void;
}

async function openPort(): Promise<Port> {
  if (isNode()) {
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

const port = await openPort();
const programs = new Map<number, PreparedProgram>();
let memory: PoolMemory | undefined;
let control: Int32Array = new Int32Array();
let thread = 0;
let threads = 1;

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
    programs.set(request.program, await prepare(request.code, memory));
  }
}

/** Runs programs until the pool wants to say something. */
function sleep(since: number): void {
  for (let generation = since; ; ) {
    const next = awaitCommand(control, generation);
    generation = next.generation;
    if (next.command === commands.listen) return;
    try {
      programs.get(Atomics.load(control, words.program))?.(control, thread, threads);
    } catch (error) {
      // The thread that began the run reports; this one only must not be lost.
      if (!(error instanceof StoppedError)) port.post({ type: "failed", message: String(error) });
    }
  }
}
