import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EngineError } from "../tensor/index.ts";
import { openEngine } from "./engines.ts";
import type { Host } from "./host.ts";

let log = "";
const host: Host = {
  out: () => undefined,
  log: (text) => {
    log += text;
  },
  isTerminal: false,
  columns: () => 80,
  clock: () => 0,
  args: [],
  onStop: () => () => undefined,
};

describe("without a compiler", () => {
  beforeEach(() => {
    log = "";
    vi.stubEnv("CC", "/nonexistent/cc");
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it("auto takes WASM and writes one line", async () => {
    const engine = await openEngine({ threads: 1 }, host);
    expect(engine.name).toBe("wasm");
    expect(log).toMatch(/^Computing with the wasm engine: .* Install gcc or clang .*\n$/);
    engine.dispose();
  });

  it("--engine native fails, and --engine wasm writes nothing", async () => {
    await expect(openEngine({ engine: "native" }, host)).rejects.toThrow(/Install gcc or clang .* set CC\.$/);
    (await openEngine({ engine: "wasm", threads: 1 }, host)).dispose();
    expect(log).toBe("");
  });

  it("a run that native code computed so far is told how it can go on", async () => {
    const error: unknown = await openEngine({}, host, "native").catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(EngineError);
    expect(String(error)).toContain(
      "The run so far was computed by the native engine; --engine auto goes on",
    );
    const engine = await openEngine({ engine: "auto", threads: 1 }, host, "native");
    expect(engine.name).toBe("wasm");
    engine.dispose();
  });
});
