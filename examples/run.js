/**
 * Runs an example on any Node from 20: `node examples/run.js first-steps`. From Node 22.18 on `node examples/first-steps.ts`
 * does the same.
 */

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";

const [name, ...rest] = process.argv.slice(2);
const path = (ending) => fileURLToPath(new URL(`${name}${ending}`, import.meta.url));
const { code } = transformSync(readFileSync(path(".ts"), "utf8"), { loader: "ts", format: "esm" });
const compiled = path(`.${process.pid}.mjs`);
writeFileSync(compiled, code);
process.argv.splice(1, process.argv.length, compiled, ...rest);
try {
  await import(compiled);
} finally {
  rmSync(compiled);
}
