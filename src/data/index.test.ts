import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, test } from "vitest";

test("what browsers import, and their worker, needs no module of Node", async () => {
  for (const entry of ["./index.ts", "./loader-worker.ts"]) {
    const { metafile, warnings } = await build({
      entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
      bundle: true,
      format: "esm",
      platform: "browser",
      write: false,
      metafile: true,
      logLevel: "silent",
    });
    expect(warnings).toEqual([]);
    const inputs = Object.keys(metafile.inputs);
    expect(inputs.filter((path) => path.includes("node"))).toEqual([]);
    expect(inputs.length).toBeGreaterThan(10);
  }
});
