/** The pool: worker threads that run programs together with the thread that owns them. */

import { EngineError } from "../../tensor/errors.ts";
import { begin, commands, controlBytes, StoppedError, setOut } from "./control.ts";
import type { PoolMemory, PoolReply, PoolRequest, ProgramCode } from "./messages.ts";
import { prepare } from "./prepare.ts";
import { compiledModule, startThread, type Thread } from "./thread.ts";

interface Member {
  readonly thread: Thread;
  answer: ((reply: PoolReply) => void) | undefined;
}

/** Control blocks of pools with workers: native ones write to theirs at the very end, when nothing of them refers to it. */
const living = new Set<Int32Array>();

export class Pool {
  private readonly members: Member[] = [];
  private readonly control: Int32Array;
  private programs = 0;
  private death: unknown;
  readonly threads: number;

  private constructor(memory: PoolMemory, controlOffset: number, threads: number) {
    // Memory that is not shared moves when it grows; a thread that is alone needs no words there.
    const isShared = typeof SharedArrayBuffer !== "undefined" && memory.buffer instanceof SharedArrayBuffer;
    this.control = isShared
      ? new Int32Array(memory.buffer, controlOffset, controlBytes / 4)
      : new Int32Array(controlBytes / 4);
    this.threads = threads;
  }

  /** A pool over this memory; with one thread it has no workers. The control block must be zero. */
  static async start(memory: PoolMemory, controlOffset: number, threads: number): Promise<Pool> {
    const pool = new Pool(memory, controlOffset, threads);
    if (threads > 1) living.add(pool.control);
    for (let thread = 1; thread < threads; thread++) {
      const member: Partial<Member> & { answer: Member["answer"] } = { answer: undefined };
      const started = await startThread(
        {
          node: compiledModule("engines/pool/worker.js"),
          browser: () => new Worker(new URL("./worker.js", import.meta.url), { type: "module" }),
        },
        {
          message: (reply) => member.answer?.(reply as PoolReply),
          death: (cause) => {
            pool.death ??= cause;
            member.answer?.({
              type: "failed",
              message: cause instanceof Error ? cause.message : String(cause),
            });
          },
        },
      );
      if (started === undefined) {
        await pool.stop();
        throw new EngineError("no worker thread could be started. Set threads to 1.", { threads });
      }
      const joined = Object.assign(member, { thread: started });
      pool.members.push(joined);
      try {
        await pool.ask(joined, { type: "open", memory, controlOffset, thread, threads });
      } catch (cause) {
        await pool.stop();
        throw new EngineError(
          `a worker thread did not start: ${cause instanceof EngineError ? cause.facts.reason : String(cause)}. ` +
            "A bundle needs striate/engines/worker beside it, as worker.js. Or set threads to 1.",
          { threads },
          { cause },
        );
      }
    }
    return pool;
  }

  /**
   * Gives a program to all workers, or to none where the thread that owns the pool is to run it alone; returns how to run it,
   * from which launch on. One at a time: a worker that listens does not run.
   */
  async load(
    code: ProgramCode,
    memory: PoolMemory,
    { alone = false }: { readonly alone?: boolean } = {},
  ): Promise<(first: number, ended?: (launch: number) => void) => void> {
    this.refuseDead();
    const prepared = await prepare(code, memory, 0);
    if (alone || this.members.length === 0)
      return (first, ended) => {
        this.refuseDead();
        setOut(this.control, first, 1);
        this.run(() => prepared(this.control, 0, 1, ended));
      };
    const program = this.programs++;
    begin(this.control, { command: commands.listen, threads: this.threads });
    await Promise.all(this.members.map((each) => this.ask(each, { type: "load", program, code })));
    return (first, ended) => {
      this.refuseDead();
      begin(this.control, { command: commands.run, program, first, threads: this.threads });
      this.run(() => prepared(this.control, 0, this.threads, ended));
    };
  }

  /** This thread's part of a run. */
  private run(part: () => void): void {
    try {
      part();
    } catch (error) {
      this.death ??= error;
      const what =
        error instanceof StoppedError
          ? `a worker thread failed: ${error.message}`
          : `a kernel failed: ${String(error)}`;
      throw new EngineError(`${what}. The engine cannot go on; open it again.`, {}, { cause: error });
    }
  }

  async stop(): Promise<void> {
    // At once: a run that began now would wait for threads that are about to end.
    this.death ??= new Error("they were stopped");
    await Promise.all(this.members.splice(0).map((each) => each.thread.stop()));
    living.delete(this.control);
  }

  private refuseDead(): void {
    if (this.death === undefined) return;
    const reason = this.death instanceof Error ? this.death.message : String(this.death);
    throw new EngineError(
      `the threads of this session do not work any more: ${reason}. Open another session.`,
      { reason },
      { cause: this.death },
    );
  }

  /** Sends a request and waits for the answer; only meanwhile does the worker keep a Node process alive. */
  private async ask(member: Member, request: PoolRequest): Promise<void> {
    // A thread that is dead already gives no answer.
    this.refuseDead();
    member.thread.hold(true);
    const reply = await new Promise<PoolReply>((resolve) => {
      member.answer = resolve;
      member.thread.post(request);
    });
    member.answer = undefined;
    member.thread.hold(false);
    if (reply.type === "failed") {
      this.death ??= new Error(reply.message);
      throw new EngineError(`a worker thread failed: ${reply.message}`, {
        request: request.type,
        reason: reply.message,
      });
    }
  }
}
