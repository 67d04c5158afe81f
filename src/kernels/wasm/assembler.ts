/**
 * A small assembler for WebAssembly modules: functions over one imported memory, exported by name. Instructions are
 * appended to a function one by one; the binary format is that of the WebAssembly specification 2.0 with the
 * fixed-width SIMD, relaxed SIMD and threads extensions.
 */

import {
  type Code,
  type Instruction,
  type MemoryInstruction,
  memoryOpcodes,
  opcodes,
} from "./instructions.ts";

export type ValueType = "i32" | "v128";
const typeCodes = { i32: 0x7f, v128: 0x7b } as const;

/** The numbers that a module computes with: bytes of one, and how many a vector holds. */
export interface NumberForm {
  readonly bytes: 4 | 8;
  readonly lanes: 4 | 2;
}
export const singlePrecision: NumberForm = { bytes: 4, lanes: 4 };
export const doublePrecision: NumberForm = { bytes: 8, lanes: 2 };

/** Every address is a multiple of four bytes, 2². */
const alignment = 2;

/** A local variable of a function. */
export interface Local {
  readonly index: number;
  readonly type: ValueType;
}

export interface FunctionOptions {
  /** Default false. */
  readonly exported?: boolean;
  /** Default: none. */
  readonly result?: ValueType;
  /** Default: single precision. */
  readonly numbers?: NumberForm;
}

/** A function under construction; its instructions are appended by methods named after them. */
export class FunctionBuilder {
  readonly name: string;
  readonly parameters: readonly ValueType[];
  readonly exported: boolean;
  readonly numbers: NumberForm;
  private readonly locals: ValueType[] = [];
  private readonly free = new Map<ValueType, Local[]>();
  private readonly bytes: number[] = [];
  readonly result: ValueType | undefined;

  constructor(
    name: string,
    parameters: readonly ValueType[],
    { exported = false, result, numbers = singlePrecision }: FunctionOptions = {},
  ) {
    this.name = name;
    this.parameters = parameters;
    this.exported = exported;
    this.numbers = numbers;
    this.result = result;
  }

  parameter(index: number): Local {
    return { index, type: this.parameters[index] };
  }

  /** A local variable; given back with `release`, it may be handed out again. */
  local(type: ValueType): Local {
    const reusable = this.free.get(type)?.pop();
    if (reusable !== undefined) return reusable;
    this.locals.push(type);
    return { index: this.parameters.length + this.locals.length - 1, type };
  }

  release(...locals: readonly Local[]): void {
    for (const local of locals) {
      const list = this.free.get(local.type) ?? [];
      list.push(local);
      this.free.set(local.type, list);
    }
  }

  op(...instructions: readonly Instruction[]): this {
    for (const each of instructions) this.opcode(opcodes[each]);
    return this;
  }

  get(local: Local): this {
    this.bytes.push(0x20);
    return this.unsigned(local.index);
  }

  set(local: Local): this {
    this.bytes.push(0x21);
    return this.unsigned(local.index);
  }

  tee(local: Local): this {
    this.bytes.push(0x22);
    return this.unsigned(local.index);
  }

  i32(value: number): this {
    this.bytes.push(0x41);
    return this.signed(value | 0);
  }

  /** All lanes hold `value`. */
  vector(value: number): this {
    const { bytes, lanes } = this.numbers;
    const values = new (bytes === 4 ? Float32Array : Float64Array)(lanes).fill(value);
    this.opcode(0xfd0c);
    this.bytes.push(...new Uint8Array(values.buffer));
    return this;
  }

  v128i32(a: number, b: number, c: number, d: number): this {
    const bytes = new Uint8Array(new Int32Array([a, b, c, d]).buffer);
    this.opcode(0xfd0c);
    this.bytes.push(...bytes);
    return this;
  }

  /** A load or store; `offset` is in bytes and must not be negative. */
  memory(instruction: MemoryInstruction, offset = 0): this {
    this.opcode(memoryOpcodes[instruction]);
    return this.unsigned(alignment).unsigned(offset);
  }

  /** Stores the first `lanes` (at least 1) numbers of the vector `value` at the address in `address`. */
  storeLanes(address: Local, value: Local, lanes: number, offset = 0): this {
    const { bytes, lanes: all } = this.numbers;
    if (lanes === all) return this.get(address).get(value).memory("v128.store", offset);
    // Two lanes of 32 bits are one of 64; a last one goes alone.
    const words = (bytes / 4) * lanes;
    if (words >= 2) {
      this.get(address).get(value).opcode(0xfd5b);
      this.unsigned(alignment).unsigned(offset).bytes.push(0);
    }
    if (words % 2 === 1) {
      this.get(address).get(value).opcode(0xfd5a);
      this.unsigned(alignment)
        .unsigned(offset + 4 * (words - 1))
        .bytes.push(words - 1);
    }
    return this;
  }

  /** Replaces a lane of the vector on the stack by the number at the address below it. */
  loadLane(lane: number, offset = 0): this {
    this.opcode([0xfd56, 0xfd57]);
    this.unsigned(alignment).unsigned(offset).bytes.push(lane);
    return this;
  }

  extractLane(lane: number): this {
    this.opcode([0xfd1f, 0xfd21]);
    this.bytes.push(lane);
    return this;
  }

  /** A mask of four integers, on the stack, becomes one of as many numbers as a vector has. */
  maskOfIntegers(): this {
    return this.numbers.lanes === 4 ? this : this.op("i64x2.extend_low_i32x4_s");
  }

  call(index: number): this {
    this.bytes.push(0x10);
    return this.unsigned(index);
  }

  /** Fills memory: destination, value and length in bytes are on the stack. */
  memoryFill(): this {
    this.bytes.push(0xfc, 11, 0);
    return this;
  }

  /** Copies memory: destination, source and length in bytes are on the stack. */
  memoryCopy(): this {
    this.bytes.push(0xfc, 10, 0, 0);
    return this;
  }

  /** Runs `body` while the condition that it leaves on the stack is not 0. */
  loop(body: () => void): this {
    this.bytes.push(0x03, 0x40);
    body();
    this.bytes.push(0x0d, 0, 0x0b);
    return this;
  }

  /** The same, where `leave`, outside of other constructs within, ends it if the condition on the stack holds. */
  loopWithExit(body: (leave: () => void) => void): this {
    this.bytes.push(0x02, 0x40, 0x03, 0x40);
    body(() => this.bytes.push(0x0d, 1));
    this.bytes.push(0x0d, 0, 0x0b, 0x0b);
    return this;
  }

  /** Runs `then`, or else `otherwise`, as the condition on the stack says; each leaves a value of `type` if one is given. */
  if(then: () => void, otherwise?: () => void, type?: ValueType): this {
    this.bytes.push(0x04, type === undefined ? 0x40 : typeCodes[type]);
    then();
    if (otherwise !== undefined) {
      this.bytes.push(0x05);
      otherwise();
    }
    this.bytes.push(0x0b);
    return this;
  }

  /** Body with its locals, as the code section holds it. */
  encode(): number[] {
    const runs: [ValueType, number][] = [];
    for (const type of this.locals) {
      const last = runs.at(-1);
      if (last?.[0] === type) last[1]++;
      else runs.push([type, 1]);
    }
    const head = [
      ...unsigned(runs.length),
      ...runs.flatMap(([type, n]) => [...unsigned(n), typeCodes[type]]),
    ];
    const length = head.length + this.bytes.length + 1;
    return [...unsigned(length), ...head].concat(this.bytes, [0x0b]);
  }

  private opcode(of: Code): void {
    const code = typeof of === "number" ? of : of[this.numbers.bytes === 4 ? 0 : 1];
    // Opcodes of a group are LEB128; the tables hold their bytes as they are written.
    if (code > 0xffff) this.bytes.push(code >> 16, (code >> 8) & 0xff, code & 0xff);
    else if (code > 0xff) this.bytes.push(code >> 8, code & 0xff);
    else this.bytes.push(code);
  }

  private unsigned(value: number): this {
    this.bytes.push(...unsigned(value));
    return this;
  }

  private signed(value: number): this {
    this.bytes.push(...signed(value));
    return this;
  }
}

/** A module over one imported memory, "env" "memory". */
export class ModuleBuilder {
  private readonly functions: FunctionBuilder[] = [];
  private readonly types: string[] = [];
  private readonly shared: boolean;

  constructor(options: { readonly shared: boolean }) {
    this.shared = options.shared;
  }

  /** Adds a function and returns its number, by which others call it. */
  add(builder: FunctionBuilder): number {
    this.functions.push(builder);
    return this.functions.length - 1;
  }

  encode(): Uint8Array {
    const typeOf = this.functions.map((each) => this.typeIndex(each));
    const types = this.types.map((type) => JSON.parse(type) as number[]);
    const limits = this.shared ? [0x03, 0x00, ...unsigned(65536)] : [0x00, 0x00];
    const exports = this.functions.flatMap((each, i) =>
      each.exported ? [[...name(each.name), 0x00, ...unsigned(i)]] : [],
    );
    const code = this.functions.map((each) => each.encode());
    const codeLength = code.reduce((sum, each) => sum + each.length, 0) + unsigned(code.length).length;
    const chunks: readonly ArrayLike<number>[] = [
      [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      section(1, types),
      section(2, [[...name("env"), ...name("memory"), 0x02, ...limits]]),
      section(3, typeOf.map(unsigned)),
      section(7, exports),
      [10, ...unsigned(codeLength), ...unsigned(code.length)],
      ...code,
    ];
    const bytes = new Uint8Array(chunks.reduce((sum, each) => sum + each.length, 0));
    let at = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  }

  private typeIndex(builder: FunctionBuilder): number {
    const results = builder.result === undefined ? [] : [typeCodes[builder.result]];
    const type = JSON.stringify([
      0x60,
      builder.parameters.length,
      ...builder.parameters.map((each) => typeCodes[each]),
      results.length,
      ...results,
    ]);
    const known = this.types.indexOf(type);
    if (known >= 0) return known;
    return this.types.push(type) - 1;
  }
}

function section(id: number, items: readonly (readonly number[])[]): number[] {
  const body = [...unsigned(items.length), ...items.flat()];
  return [id, ...unsigned(body.length), ...body];
}

function name(text: string): number[] {
  const bytes = [...new TextEncoder().encode(text)];
  return [...unsigned(bytes.length), ...bytes];
}

/** LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value >>> 0;
  do {
    const low = rest & 0x7f;
    rest >>>= 7;
    bytes.push(rest === 0 ? low : low | 0x80);
  } while (rest !== 0);
  return bytes;
}

function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) {
      bytes.push(low);
      return bytes;
    }
    bytes.push(low | 0x80);
  }
}
