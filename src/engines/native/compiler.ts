/** The system's C compiler: what it compiles for, and shared objects from C. */

import { spawn } from "node:child_process";
import type { Lanes } from "../../kernels/c/library.ts";
import type { Vectors } from "../../kernels/c/target.ts";
import { CompileError } from "./compile-error.ts";
import { digestOf, type Environment, type ObjectCache } from "./object-cache.ts";

export interface Compiler {
  /** The command: what CC names, else "cc". */
  readonly command: string;
  /** "gcc 12.2.0". */
  readonly version: string;
  /** What it compiles for: vectors of so many numbers in single precision. */
  readonly vectors: Vectors;
  /** Everything that decides what comes out for a source. */
  readonly identity: string;
  /** The shared object of a C source, from the cache where it is there. */
  compile(source: string, cache: ObjectCache): Promise<string>;
}

const flags = [
  "-O2",
  "-fPIC",
  "-shared",
  "-pthread",
  "-s",
  "-fno-math-errno",
  "-fno-trapping-math",
  "-ffp-contract=fast",
  "-w",
];

/** GCC's passes over ranges and bits of integers take a fifth of its time, and kernels are no faster by them. */
const gccFlags = ["-fno-tree-vrp", "-fno-tree-bit-ccp"];

/** A part takes a second or two. A compiler that has not come back by now, on however busy a machine, will not. */
const patienceMs = 600_000;

/** The compiler and its machine. Throws a CompileError that says what to install where there is none. */
export async function findCompiler(
  environment: Environment = process.env,
  patience = patienceMs,
): Promise<Compiler> {
  const [command = "cc", ...before] = (environment.CC || "cc").trim().split(/\s+/);
  const target = process.arch === "arm64" ? "-mcpu=native" : "-march=native";
  const asked = await runCompiler(
    command,
    [...before, target, "-dM", "-E", "-x", "c", "-"],
    "",
    patience,
  ).catch((cause: Error) => {
    throw new CompileError(
      `the native engine needs a C compiler, but "${command}" did not run: ${cause.message}. ` +
        "Install gcc or clang (Debian: apt-get install gcc; macOS: xcode-select --install), or set CC.",
      { command },
      { cause },
    );
  });
  const macros = new Map(
    asked.split("\n").flatMap((line) => {
      const [, name, value] = /^#define (\w+) (.*)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, value] as const];
    }),
  );
  const vectors = vectorsOf(macros);
  const version = versionOf(macros);
  const isGcc = macros.has("__GNUC__") && !macros.has("__clang__");
  const all = [...before, target, ...flags, ...(isGcc ? gccFlags : [])];
  const identity = digestOf(JSON.stringify([command, version, all, asked]));
  return {
    command,
    version,
    vectors,
    identity,
    compile: (source, cache) =>
      cache.object(digestOf(identity + source), async (file) => {
        try {
          await runCompiler(command, [...all, "-o", file, "-x", "c", "-", "-lm"], source, patience);
        } catch (cause) {
          throw new CompileError(
            `${command} could not compile a kernel: ${(cause as Error).message}. The wasm engine needs no compiler.`,
            { command },
            { cause },
          );
        }
      }),
  };
}

function vectorsOf(macros: ReadonlyMap<string, string>): Vectors {
  const lanes: Lanes = macros.has("__AVX512F__") ? 16 : macros.has("__AVX__") ? 8 : 4;
  const registers = macros.has("__AVX512F__") || macros.has("__aarch64__") ? 32 : 16;
  return { lanes, registers };
}

function versionOf(macros: ReadonlyMap<string, string>): string {
  const version = (macros.get("__VERSION__") ?? "of unknown version").replaceAll('"', "");
  return macros.has("__clang__") ? version : `gcc ${version}`;
}

/** Runs the compiler with `input` on its standard input; gives what it printed. */
function runCompiler(
  command: string,
  args: readonly string[],
  input: string,
  patience: number,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    let [output, errors] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    // What it has started may hold its ends of the pipes, so nobody waits for those.
    const late = setTimeout(() => {
      child.kill("SIGKILL");
      for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.destroy();
      reject(new Error(`it has not come back after ${patience / 1000} s`));
    }, patience);
    child.on("error", (cause) => {
      clearTimeout(late);
      reject(cause);
    });
    // A compiler that ends early closes its input; its exit code says what went wrong.
    child.stdin.on("error", () => undefined);
    child.on("close", (code, signal) => {
      clearTimeout(late);
      const said = errors.trim().split("\n").slice(0, 8).join("\n");
      const end = signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`;
      if (code === 0) resolve(output);
      else reject(new Error(said || end));
    });
    child.stdin.end(input);
  });
}
