import { expect, test } from "vitest";
import { EngineError } from "../../tensor/errors.ts";
import { words } from "./control.ts";
import { Pool } from "./pool.ts";

/** (module (import "env" "memory" (memory 1)) (func (export "add") (param task thread) adds 1 at address 0)). */
// biome-ignore format: one section a line
const counting = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
  0x01, 0x06, 0x01, 0x60, 0x02, 0x7f, 0x7f, 0x00,
  0x02, 0x0f, 0x01, 0x03, 0x65, 0x6e, 0x76, 0x06, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 0x02, 0x00, 0x01,
  0x03, 0x02, 0x01, 0x00,
  0x07, 0x07, 0x01, 0x03, 0x61, 0x64, 0x64, 0x00, 0x00,
  0x0a, 0x11, 0x01, 0x0f, 0x00, 0x41, 0x00, 0x41, 0x00, 0x28, 0x02, 0x00, 0x41, 0x01, 0x6a, 0x36, 0x02, 0x00, 0x0b,
]);

test("a lone thread goes on when its memory has moved to grow", async () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const pool = await Pool.start(memory, 1024, 1);
  const module = await WebAssembly.compile(counting);
  const launches = [
    { name: "add", tasks: 3 },
    { name: "add", tasks: 4 },
  ];
  const run = await pool.load({ kind: "wasm", module, launches }, memory);
  run(0);
  memory.grow(10);
  run(0);
  expect(new Int32Array(memory.buffer)[0]).toBe(14);
  await pool.stop();
  expect(() => run(0)).toThrow(EngineError);
});

test("a run may begin with a later launch", async () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const pool = await Pool.start(memory, 1024, 1);
  const launches = [3, 4, 5].map((tasks) => ({ name: "add", tasks }));
  const run = await pool.load(
    { kind: "wasm", module: await WebAssembly.compile(counting), launches },
    memory,
  );
  const ended: number[] = [];
  run(1, (launch) => ended.push(launch));
  expect(new Int32Array(memory.buffer)[0]).toBe(9);
  expect(ended).toEqual([1, 2]);
  await pool.stop();
});

test("a program for the thread alone wakes no worker", async () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const pool = await Pool.start(memory, 1024, 2);
  const launches = [{ name: "add", tasks: 5 }];
  // The module takes memory that is not shared; to run it alone there it needs none of the pool's.
  const own = new WebAssembly.Memory({ initial: 1 });
  const module = await WebAssembly.compile(counting);
  const generation = () => new Int32Array(memory.buffer, 1024)[words.generation];
  const before = generation();
  const run = await pool.load({ kind: "wasm", module, launches }, own, { alone: true });
  run(0);
  run(0);
  expect(new Int32Array(own.buffer)[0]).toBe(10);
  expect(generation()).toBe(before);
  await pool.stop();
  expect(() => run(0)).toThrow(EngineError);
});
