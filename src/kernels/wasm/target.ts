/** What renderers share: where memory lies, the module under construction, and the launches that come out. */

import { contiguousStrides } from "../../tensor/shape.ts";
import type { Part } from "../formula.ts";
import { contiguousLayout, type Layout, type Layouts } from "../layout.ts";
import { placesBeyond } from "../split-reduction.ts";
import type { Operand } from "../value.ts";
import { FunctionBuilder, type Local, type ModuleBuilder, type NumberForm } from "./assembler.ts";
import type { VectorCode, Vectors } from "./column-groups.ts";
import { MathLibrary } from "./math.ts";

/** One function of the module, called once for each of its tasks, in any order and from any thread. */
export interface Launch {
  readonly name: string;
  /** Number of the function, by which others of the module call it. */
  readonly index: number;
  readonly tasks: number;
  /** Whether what it computes depends on the state alone, so that it need not run again until that changes. */
  readonly constant?: boolean;
}

/** The `buffer` of layouts in memory that each thread has for itself: none of a plan's memories. */
export const threadBuffer = -1;

export interface MemoryMap {
  /** Byte address of each of a plan's memories. */
  readonly bases: readonly number[];
  readonly scalarsAddress: number;
  /** Byte address of memory that kernels of one step use among themselves. */
  readonly scratchAddress: number;
  /** Byte address of memory that kernels fill once and keep until the state changes. */
  readonly keptAddress: number;
  /** Byte address of tables: numbers known when the code is made. */
  readonly tablesAddress: number;
}

export class Target {
  readonly module: ModuleBuilder;
  readonly math: MathLibrary;
  readonly map: MemoryMap;
  readonly numbers: NumberForm;
  readonly vectors: Vectors;
  /** Whether multiply-adds with one rounding may be used. */
  readonly relaxed: boolean;
  /** Whether Winograd's algorithm may be used, whose rounding differs from the direct sum's. */
  readonly winograd: boolean;
  readonly threads: number;
  /** Operands that hold until the state changes. */
  readonly constants: ReadonlySet<Operand>;
  readonly layouts: Map<Operand, Layout>;
  /** Bytes of scratch memory that the steps so far want, at most at one time. */
  scratchBytes = 0;
  /** Bytes of memory for what is kept until the state changes. */
  keptBytes = 0;
  /** Bytes beyond the end of memory that vector reads may touch. */
  slackBytes = 64;
  readonly tables: number[] = [];
  /** Bytes from one thread's memory for layouts in `threadBuffer` to the next. */
  threadBytes = 0;
  private stepScratch = 0;
  private count = 0;

  constructor(
    module: ModuleBuilder,
    map: MemoryMap,
    {
      relaxed,
      threads,
      winograd,
      constants,
      numbers,
      vectorCode,
    }: Pick<Target, "relaxed" | "threads" | "winograd" | "constants" | "numbers"> & {
      readonly vectorCode: VectorCode;
    },
    layouts: Layouts,
  ) {
    this.module = module;
    this.threads = threads;
    this.math = new MathLibrary(module, numbers);
    this.map = map;
    this.numbers = numbers;
    this.vectors = { code: vectorCode, lanes: numbers.lanes };
    this.relaxed = relaxed;
    this.winograd = winograd;
    this.constants = constants;
    this.layouts = new Map(layouts);
  }

  /** A kernel reads what this part reads, in vectors: more than there is, and uses what there is. */
  readsBeyond(part: Part): void {
    const places = placesBeyond([part], (operand) => this.layoutOf(operand));
    this.slackBytes = Math.max(this.slackBytes, this.numbers.bytes * places + 64);
  }

  /** Byte address of a layout's first element. */
  address({ buffer, offset }: Layout): number {
    return (buffer === threadBuffer ? 0 : this.map.bases[buffer]) + this.numbers.bytes * offset;
  }

  /** Adds to an address on the stack what is this thread's, where the layout is in the memory of threads. */
  addThread(f: FunctionBuilder, { buffer }: Layout): void {
    if (buffer === threadBuffer) f.get(f.parameter(1)).i32(this.threadBytes).op("i32.mul", "i32.add");
  }

  layoutOf(operand: Operand): Layout {
    const layout = this.layouts.get(operand);
    if (layout === undefined) throw new Error("a formula reads an operand that has no layout");
    return layout;
  }

  /** Forgets the scratch memory of the last step. */
  beginStep(): void {
    this.stepScratch = 0;
  }

  /** Places an operand, and what vectors may read beyond it; its layout. Strides are those of a contiguous one where none are given. */
  place(
    operand: Operand,
    kind: "scratch" | "kept" = "scratch",
    strides: readonly number[] = contiguousStrides(operand.shape),
  ): Layout {
    const { bytes } = this.numbers;
    const size = bytes * (operand.shape[0] ?? 1) * (strides[0] ?? 1) + 64;
    const address = kind === "kept" ? this.kept(size) : this.scratch(size);
    const layout = { buffer: 0, offset: (address - this.map.bases[0]) / bytes, strides };
    this.layouts.set(operand, layout);
    return layout;
  }

  /** Places operands in memory that each thread has for itself, with what vectors may read beyond each; once a step. */
  placeInThread(operands: readonly Operand[]): void {
    const { bytes } = this.numbers;
    const sizes = operands.map(
      ({ shape }) => Math.ceil((bytes * shape.reduce((x, y) => x * y, 1) + 64) / 64) * 64,
    );
    let address = this.threadMemory(sizes.reduce((sum, each) => sum + each, 0));
    for (const [i, operand] of operands.entries()) {
      this.layouts.set(operand, contiguousLayout(threadBuffer, operand.shape, address / bytes));
      address += sizes[i];
    }
  }

  /** Byte address of scratch memory for this step. */
  scratch(bytes: number): number {
    const address = this.map.scratchAddress + this.stepScratch;
    this.stepScratch += Math.ceil(bytes / 64) * 64;
    this.scratchBytes = Math.max(this.scratchBytes, this.stepScratch);
    return address;
  }

  /** Byte address of memory that keeps its values until the state changes. */
  kept(bytes: number): number {
    const address = this.map.keptAddress + this.keptBytes;
    this.keptBytes += Math.ceil(bytes / 64) * 64;
    return address;
  }

  /** Byte address of scratch memory of which each thread has `bytes`, a multiple of 64, one after the other. */
  perThread(bytes: number): number {
    return this.scratch(bytes * this.threads);
  }

  /** The same for layouts in `threadBuffer`; once a step. */
  private threadMemory(bytes: number): number {
    this.threadBytes = Math.ceil(bytes / 64) * 64;
    return this.perThread(this.threadBytes);
  }

  /** Byte address of a table with these numbers. */
  table(numbers: readonly number[]): number {
    const address = this.map.tablesAddress + 4 * this.tables.length;
    for (const each of numbers) this.tables.push(each);
    return address;
  }

  /** A function (task, thread, given …) → nothing. */
  kernel(given = 0): FunctionBuilder {
    const { numbers } = this;
    return new FunctionBuilder(`k${this.count++}`, new Array(2 + given).fill("i32"), {
      exported: true,
      numbers,
    });
  }

  /** A function of so many integers that kernels call. */
  helper(name: string, parameters: number): FunctionBuilder {
    return new FunctionBuilder(name, new Array(parameters).fill("i32"), { numbers: this.numbers });
  }

  /** acc ← acc + a · b, all on the stack in the order a, b, acc; with one rounding where the runtime has it. */
  multiplyAdd(f: FunctionBuilder, a: () => void, b: () => void, acc: Local): void {
    if (this.relaxed) {
      a();
      b();
      f.get(acc).op("vector.relaxed_madd").set(acc);
    } else {
      f.get(acc);
      a();
      b();
      f.op("vector.mul", "vector.add").set(acc);
    }
  }
}
