// @ts-check
/**
 * A timed process as the runner sees it: it answers each line with a line (measure.js), and is stopped by a signal while others
 * have their turn, so that threads that wait actively cost nobody anything.
 */

import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** @typedef {import("./contestants.js").Contestant} Contestant */

const canStop = process.platform !== "win32";

/** @type {Set<Child>} What the runner still has to end, should it end itself. */
const alive = new Set();
process.on("exit", () => {
  for (const child of alive) child.end();
});
// A stopped process would not hear of the end by itself.
for (const [signal, code] of /** @type {const} */ ([
  ["SIGINT", 130],
  ["SIGTERM", 143],
]))
  process.once(signal, () => process.exit(code));

export class Child {
  #process;
  #lines;
  #errors = "";
  /** @type {Promise<string>} A sentence on how it ended. */
  #ended;

  /**
   * @param {Contestant} contestant
   * @param {import("./measure.js").Job} job
   */
  constructor({ command: [program, ...first], environment }, job) {
    const env = { ...process.env, ...environment };
    this.#process = spawn(program, [...first, JSON.stringify(job)], { env, stdio: "pipe" });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
    this.#process.stderr.setEncoding("utf8").on("data", (text) => {
      this.#errors = (this.#errors + text).slice(-20_000);
    });
    this.#process.stdin.on("error", () => {}); // It ended before it was asked: how is told by `#ended`.
    this.#ended = new Promise((resolve) => {
      this.#process.on("error", ({ message }) => resolve(message));
      this.#process.on("close", (code, signal) => resolve(describeEnd(code, signal, this.#errors)));
    });
    alive.add(this);
    this.#ended.then(() => alive.delete(this));
    this.#blameForMemory();
  }

  /**
   * Its next line as JSON; a sentence where there is none within the time.
   * @param {number} limitMs
   * @returns {Promise<any>}
   */
  async answer(limitMs) {
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(() => resolve(`no answer in ${limitMs / 1000} s`), limitMs);
    });
    const line = this.#lines.next().then(({ value, done }) => (done ? this.#ended : JSON.parse(value)));
    const result = await Promise.race([
      line.catch((error) => `answered what is no JSON: ${error.message}`),
      late,
    ]);
    clearTimeout(timer);
    if (typeof result === "string") this.end();
    return result;
  }

  /**
   * Lets it time steps while all others are stopped.
   * @param {number} seconds
   * @param {number} limitMs
   * @returns {Promise<import("./measure.js").Turn | string>}
   */
  async turn(seconds, limitMs) {
    this.#signal("SIGCONT");
    this.#process.stdin.write(`${JSON.stringify({ seconds })}\n`);
    const result = await this.answer(limitMs);
    this.pause();
    return result;
  }

  pause() {
    this.#signal("SIGSTOP");
  }

  end() {
    this.#process.kill("SIGKILL");
  }

  /** Waits until its memory is free again. */
  async ended() {
    this.end();
    await this.#ended;
  }

  /** @param {NodeJS.Signals} signal */
  #signal(signal) {
    if (canStop && this.#process.exitCode === null) this.#process.kill(signal);
  }

  /** Where memory ends, Linux is to end this process and not the runner. */
  #blameForMemory() {
    try {
      writeFileSync(`/proc/${this.#process.pid}/oom_score_adj`, "1000");
    } catch {
      // Not Linux.
    }
  }
}

/**
 * @param {number | null} code
 * @param {NodeJS.Signals | null} signal
 * @param {string} errors
 */
export function describeEnd(code, signal, errors) {
  if (signal === "SIGKILL") return "killed: the machine's memory was not enough";
  const lines = errors.split("\n").map((line) => line.trim());
  const said = lines.filter((line) => /error|fatal|abort|no module|out of memory/i.test(line)).at(-1);
  const reason = said ?? lines.filter((line) => line !== "").at(-1) ?? "it said nothing";
  return `ended with ${signal ?? `exit code ${code}`}: ${reason.slice(0, 200)}`;
}
