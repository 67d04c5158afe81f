/**
 * What the renderers to C share: scratch memory, the kernels written so far, and the launches that run them.
 *
 * A kernel is text that holds shapes and strides, but no address: those come with a launch. So layers of the same shapes
 * share a kernel, which is compiled once.
 */

import { contiguousStrides } from "../../tensor/shape.ts";
import type { Part } from "../formula.ts";
import type { Layout, Layouts } from "../layout.ts";
import { placesBeyond } from "../split-reduction.ts";
import type { Operand } from "../value.ts";
import { type Lanes, type NumberBytes, vectorWidths } from "./library.ts";

/** The memories of a program: the three of its plan, and those that its kernels use among themselves. */
export const buffers = {
  work: 0,
  state: 1,
  prepared: 2,
  /** Memory that each thread has for itself. */
  thread: 3,
  /** Free from step to step. */
  scratch: 4,
  /** What kernels compute from weights alone: kept until the state changes. */
  kept: 5,
  scalars: 6,
} as const;

/**
 * So many numbers apart, addresses fall into the same lines of an L1 cache; and the numbers of a line. As all figures of schedules, for
 * 4 bytes a number: with 8, sums are cut up and added in the same order, and caches hold half as much.
 */
export const collision = 1024;
export const lineNumbers = 16;

/** A place in one of these memories, in elements from its beginning. */
export interface Place {
  readonly buffer: number;
  readonly offset: number;
}

/** One kernel with its addresses, called once for each of its tasks, in any order and from any thread. */
export interface Launch {
  /** Name of the function: `void name(char *const *bases, const int64_t *offsets, long task, char *own)`. */
  readonly name: string;
  /** What the kernel's pointers point to. */
  readonly places: readonly Place[];
  readonly tasks: number;
  /** Whether what it computes depends on the state alone, so that it need not run again until that changes. */
  readonly constant: boolean;
}

/** What schedules know of the machine. */
export interface CMachine {
  /** Threads that share the work. How sums are cut up must not depend on it. */
  readonly threads: number;
  /** Bytes of a number: 4 in single precision, 8 in double. */
  readonly numberBytes: NumberBytes;
  /** Numbers in the widest vector. */
  readonly lanes: Lanes;
  /** Vector registers: 32 with AVX-512 and on ARM, else 16. */
  readonly registers: number;
}

/** Whether the L2 cache of a core has a megabyte or more, as those with vectors of 512 bits; others have half a megabyte. */
export function hasLargeL2({ lanes, numberBytes }: Pick<CMachine, "lanes" | "numberBytes">): boolean {
  return lanes * numberBytes === 64;
}

/** What a machine's vectors are. */
export type Vectors = Pick<CMachine, "lanes" | "registers">;

export interface KernelText {
  readonly name: string;
  readonly text: string;
}

export class CTarget {
  readonly machine: CMachine;
  readonly layouts: Map<Operand, Layout>;
  /** Whether Winograd's algorithms may be used, whose rounding differs from the direct sum's. */
  readonly winograd: boolean;
  /** Bytes that the steps so far want of each memory. */
  readonly bytes = { thread: 0, scratch: 0, kept: 0 };
  /** Bytes beyond the end of a memory that reads may touch: a vector's, and what `placesBeyond` counts. */
  slackBytes = 64;
  readonly kernels: KernelText[] = [];
  /** Operands that hold until the state changes. */
  readonly constants: ReadonlySet<Operand>;
  private readonly names = new Map<string, string>();
  private readonly step = { thread: 0, scratch: 0 };

  constructor(layouts: Layouts, machine: CMachine, winograd: boolean, constants: ReadonlySet<Operand>) {
    this.layouts = new Map(layouts);
    this.machine = machine;
    this.winograd = winograd;
    this.constants = constants;
  }

  layoutOf(operand: Operand): Layout {
    const layout = this.layouts.get(operand);
    if (layout === undefined) throw new Error("a formula reads an operand that has no layout");
    return layout;
  }

  /** Forgets the scratch memory of the last step. */
  beginStep(): void {
    this.step.scratch = 0;
    this.step.thread = 0;
  }

  /** A place of so many elements that only this step uses, or that each thread has for itself. */
  scratch(elements: number, kind: "scratch" | "thread" = "scratch"): Place {
    const { numberBytes } = this.machine;
    const offset = this.step[kind] / numberBytes;
    this.step[kind] += aligned(numberBytes * elements);
    this.bytes[kind] = Math.max(this.bytes[kind], this.step[kind]);
    return { buffer: buffers[kind], offset };
  }

  /** Where the next place in kept memory begins. */
  get keptElements(): number {
    return this.bytes.kept / this.machine.numberBytes;
  }

  /** A place of so many elements that keeps its values between runs. */
  kept(elements: number): Place {
    const offset = this.keptElements;
    this.bytes.kept += aligned(this.machine.numberBytes * elements);
    return { buffer: buffers.kept, offset };
  }

  /** Places an operand in one of these memories; its layout. Strides are those of a contiguous one where none are given. */
  place(
    operand: Operand,
    kind: "scratch" | "thread" | "kept",
    strides: readonly number[] = contiguousStrides(operand.shape),
  ): Layout {
    const elements = Math.max(1, (operand.shape[0] ?? 1) * (strides[0] ?? 1));
    const place = kind === "kept" ? this.kept(elements) : this.scratch(elements, kind);
    const layout = { ...place, strides };
    this.layouts.set(operand, layout);
    return layout;
  }

  /**
   * The same for an operand that is read and written at all places of its dimension `apart` at once: a multiple of 4 KiB between them would
   * put all into the same few lines of the L1 cache.
   */
  placeApart(operand: Operand, kind: "scratch" | "thread" | "kept", apart = 0): Layout {
    const strides = [...contiguousStrides(operand.shape)];
    if (strides[apart] % collision === 0) strides[apart] += lineNumbers;
    for (let i = apart - 1; i >= 0; i--) strides[i] = strides[i + 1] * operand.shape[i + 1];
    return this.place(operand, kind, strides);
  }

  /** A kernel reads what these parts read, in vectors. */
  reads(parts: readonly Part[]): void {
    this.readsBeyond(placesBeyond(parts, (operand) => this.layoutOf(operand)));
  }

  /** A kernel reads so many places and a vector beyond the end of a memory. */
  readsBeyond(places: number): void {
    this.slackBytes = Math.max(this.slackBytes, this.machine.numberBytes * places + 64);
  }

  /** The widest vector that a row of so many numbers fills. */
  lanesFor(extent: number): Lanes {
    return vectorWidths.find((each) => each <= this.machine.lanes && each <= extent) ?? 1;
  }

  /** The launch of a finished kernel; the same text is one function. */
  launch(kernel: CKernel, tasks: number, constant = false): Launch {
    const text = kernel.text();
    let name = this.names.get(text);
    if (name === undefined) {
      name = `k${this.names.size}`;
      this.names.set(text, name);
      this.kernels.push({ name, text: text.replaceAll("NAME", name) });
    }
    return { name, places: kernel.places, tasks, constant };
  }
}

/** Bytes with a rest that vectors may read beyond the end, in whole cache lines. */
export function aligned(bytes: number): number {
  return Math.ceil(bytes / 64 + 1) * 64;
}

const parameters = "char *const *bases, const int64_t *offsets, long task, char *own";

/** The text of one kernel under construction: helper functions, pointers and a body. */
export class CKernel {
  readonly target: CTarget;
  readonly places: Place[] = [];
  readonly body: string[] = [];
  private readonly helpers: string[] = [];
  private readonly declarations: string[] = [];
  private readonly pointers = new Map<string, string>();
  private names = 0;
  private higherDigits = "task";

  constructor(target: CTarget) {
    this.target = target;
  }

  /** A name that no other thing of this kernel has. */
  name(prefix: string): string {
    return `${prefix}${this.names++}`;
  }

  /** The pointer to an operand's first element. */
  pointer(operand: Operand): string {
    return this.pointerTo(this.target.layoutOf(operand));
  }

  pointerTo({ buffer, offset }: Place, type = "real"): string {
    const key = `${buffer}:${offset}`;
    let name = this.pointers.get(key);
    if (name === undefined) {
      name = `p${this.places.length}`;
      const base = buffer === buffers.thread ? "own" : `bases[${buffer}]`;
      this.declarations.push(
        `${type} *const ${name} = (${type} *)(${base} + offsets[${this.places.length}]);`,
      );
      this.places.push({ buffer, offset });
      this.pointers.set(key, name);
    }
    return name;
  }

  /** The run's seed and step as words of 32 bits, and behind them its learning rate as a number. */
  scalars(): string {
    return this.pointerTo({ buffer: buffers.scalars, offset: 0 }, "int32_t");
  }

  /** A variable for the next digit of the task's number, from 0 to `extent` − 1; the first is the lowest. */
  digit(extent: number, name: string): string {
    this.body.push(`const long ${name} = ${extent === 1 ? "0" : `${this.higherDigits} % ${extent}`};`);
    if (extent > 1) this.higherDigits = `${this.higherDigits} / ${extent}`;
    return name;
  }

  /** Adds a helper with a kernel's arguments and pointers, and what is `given`; returns how to call it but for that. */
  helper(body: readonly string[], given: readonly string[] = []): string {
    const name = this.name("NAME_h");
    const more = given.map((each) => `, long ${each}`).join("");
    this.helpers.push(`static void ${name}(${parameters}${more}) {\n  DECLARATIONS\n${body.join("\n")}\n}\n`);
    return `${name}(bases, offsets, task, own`;
  }

  /** Adds a function that takes all it needs as arguments; equal functions are one. */
  independent(result: string, args: string, body: string): string {
    const known = this.pointers.get(`${result}(${args})${body}`);
    if (known !== undefined) return known;
    const name = this.name("NAME_f");
    this.pointers.set(`${result}(${args})${body}`, name);
    this.helpers.push(`static ${result} ${name}(${args}) {\n${body}\n}\n`);
    return name;
  }

  text(): string {
    const declarations = this.declarations.join("\n  ");
    const helpers = this.helpers.map((each) => each.replace("DECLARATIONS", declarations)).join("");
    return `${helpers}void NAME(${parameters}) {\n  ${declarations}\n${this.body.join("\n")}\n}\n`;
  }
}
