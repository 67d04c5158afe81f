// @ts-check
import { afterEach, expect, test } from "vitest";
import { Child, describeEnd } from "./child.js";

/** @type {Child[]} */
const started = [];
afterEach(() => Promise.all(started.splice(0).map((child) => child.ended())));

/** @param {string} program JavaScript. */
function start(program) {
  const command = [process.execPath, "-e", program, "--"];
  /** @type {any} The process sees nothing else of a contestant and a job. */
  const [contestant, job] = [{ command }, { net: "lenet5" }];
  const child = new Child(contestant, job);
  started.push(child);
  return child;
}

test("a process is given its job and answers lines with lines", async () => {
  const child = start(`
    console.log(JSON.stringify({ ready: JSON.parse(process.argv[1]).net }));
    process.stdin.on("data", (line) => console.log(JSON.stringify({ times: [JSON.parse(line).seconds] })));
  `);
  expect(await child.answer(20_000)).toEqual({ ready: "lenet5" });
  child.pause();
  expect(await child.turn(0.5, 20_000)).toEqual({ times: [0.5] });
  expect(await child.turn(2, 20_000)).toEqual({ times: [2] });
});

test("a process that ends has a sentence for an answer, with the error it wrote", async () => {
  expect(await start("throw new RangeError('too much')").answer(20_000)).toBe(
    "ended with exit code 1: RangeError: too much",
  );
});

test("a process that is late is ended", async () => {
  const child = start("setInterval(() => {}, 1000)");
  expect(await child.answer(200)).toBe("no answer in 0.2 s");
  await child.ended();
});

test("a program that is not there is no crash", async () => {
  /** @type {any} */
  const [contestant, job] = [{ command: ["/no/such/program"] }, {}];
  const child = new Child(contestant, job);
  expect(await child.answer(20_000)).toMatch(/ENOENT/);
});

test("a kill that nobody here asked for is told as want of memory", () => {
  expect(describeEnd(null, "SIGKILL", "")).toBe("killed: the machine's memory was not enough");
  expect(describeEnd(null, "SIGABRT", "x\nFATAL ERROR: Reached heap limit\n at y\n")).toBe(
    "ended with SIGABRT: FATAL ERROR: Reached heap limit",
  );
});
