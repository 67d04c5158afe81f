import { describe, expect, it } from "vitest";
import { FunctionBuilder, ModuleBuilder } from "./assembler.ts";

describe("a module", () => {
  it("may have tens of thousands of functions, as the training step of a very deep network has", () => {
    const builder = new ModuleBuilder({ shared: false });
    for (let i = 0; i < 20_000; i++)
      builder.add(new FunctionBuilder(`k${i}`, ["i32", "i32"], { exported: true }));
    const module = new WebAssembly.Module(builder.encode() as Uint8Array<ArrayBuffer>);
    const exported = WebAssembly.Module.exports(module).map(({ name }) => name);
    expect([exported.length, exported[19_999]]).toEqual([20_000, "k19999"]);
    expect(WebAssembly.Module.imports(module)).toEqual([{ module: "env", name: "memory", kind: "memory" }]);
  });
});
