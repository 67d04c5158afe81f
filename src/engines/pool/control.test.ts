import { Worker } from "node:worker_threads";
import { afterEach, expect, test } from "vitest";
import {
  begin,
  commands,
  controlBytes,
  fail,
  reasonOf,
  runLaunches,
  StoppedError,
  words,
} from "./control.ts";

/** More launches than there are words to count their tasks in, as a network of a thousand layers has. */
const launches = 5000;
const tasks = 5;

const workers: Worker[] = [];
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
});

/** A second thread that runs the same launches once the run begins; `body` is its kernel. */
async function startSecond(
  control: Int32Array,
  done: Int32Array,
  body: string,
  count = tasks,
): Promise<void> {
  const code = `
    import { workerData, parentPort } from "node:worker_threads";
    import { awaitCommand, runLaunches } from ${JSON.stringify(new URL("../../../dist/engines/pool/control.js", import.meta.url).href)};
    const { control, done, launches, tasks } = workerData;
    parentPort.postMessage("ready");
    awaitCommand(control, 0);
    const list = Array.from({ length: launches }, (_, i) => ({ tasks, kernel: (task) => { ${body} } }));
    runLaunches(control, list, 1, 2);`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), {
    workerData: { control, done, launches, tasks: count },
  });
  worker.on("error", () => undefined);
  workers.push(worker);
  await new Promise((resolve) => worker.once("message", resolve));
}

const shared = (bytes: number) => new Int32Array(new SharedArrayBuffer(bytes));

test("one thread runs each task of each launch once, in order", () => {
  const control = new Int32Array(controlBytes / 4);
  const seen: number[] = [];
  const list = Array.from({ length: launches }, (_, i) => ({
    tasks,
    kernel: (task: number) => {
      seen.push(i * tasks + task);
    },
  }));
  for (let run = 0; run < 2; run++) {
    seen.length = 0;
    begin(control, { command: commands.run, threads: 1 });
    runLaunches(control, list, 0, 1);
    expect(seen).toEqual(Array.from({ length: launches * tasks }, (_, i) => i));
  }
});

test.each([0, 1, 2, 5, 33])(
  "two threads share out %i tasks of each launch, and none begins one before the last has ended",
  async (tasks) => {
    const [control, done] = [shared(controlBytes), shared(4 * launches)];
    await startSecond(control, done, "Atomics.add(done, i, 1);", tasks);
    let early = 0;
    const list = Array.from({ length: launches }, (_, i) => ({
      tasks,
      kernel: () => {
        if (i > 0 && Atomics.load(done, i - 1) !== tasks) early++;
        Atomics.add(done, i, 1);
      },
    }));
    begin(control, { command: commands.run, threads: 2 });
    runLaunches(control, list, 0, 2);
    expect(early).toBe(0);
    expect(done.every((count) => count === tasks)).toBe(true);
  },
);

test("each of two threads goes through its half from the front, and takes the other's from behind", async () => {
  const [control, order] = [shared(controlBytes), shared(4 * 8)];
  // The second thread waits in its first task until the first has taken all others.
  await startSecond(
    control,
    order,
    "if (i === 0) { Atomics.store(done, task, 100); while (Atomics.load(done, 0) === 0) {} }",
    8,
  );
  const mine: number[] = [];
  const first = {
    tasks: 8,
    kernel: (task: number) => {
      while (Atomics.load(order, 4) === 0) {}
      mine.push(task);
      if (mine.length === 7) Atomics.store(order, 0, 1);
    },
  };
  begin(control, { command: commands.run, threads: 2 });
  const rest = Array.from({ length: launches - 1 }, () => ({ tasks: 8, kernel: () => undefined }));
  runLaunches(control, [first, ...rest], 0, 2);
  expect(mine).toEqual([0, 1, 2, 3, 7, 6, 5]);
});

test("a thread whose task fails stops the other", async () => {
  const [control, done] = [shared(controlBytes), shared(4)];
  await startSecond(control, done, `throw new Error("out of order");`);
  const list = Array.from({ length: launches }, () => ({ tasks, kernel: () => undefined }));
  begin(control, { command: commands.run, threads: 2 });
  expect(() => runLaunches(control, list, 0, 2)).toThrow(new StoppedError("Error: out of order"));
  expect(control[words.failed]).toBe(1);
});

test("a thread that never comes is given up after some seconds", () => {
  const control = shared(controlBytes);
  begin(control, { command: commands.run, threads: 2 });
  const began = performance.now();
  expect(() => runLaunches(control, [{ tasks, kernel: () => undefined }], 0, 2)).toThrow(
    "no thread has shown",
  );
  expect(performance.now() - began).toBeGreaterThan(9000);
});

test("of several threads that fail the first is heard, and what is too long is cut", () => {
  const control = shared(controlBytes);
  fail(control, new RangeError("ä".repeat(1000)));
  fail(control, new Error("later"));
  expect(reasonOf(control)).toMatch(/^RangeError: ä{240,}$/);
});
