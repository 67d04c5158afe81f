/**
 * Reads the pickles in which CIFAR's Python batches are published: a small machine for the opcodes of dictionaries, lists, tuples,
 * strings, bytes, integers and NumPy arrays. Nothing is ever executed: a global is a name of a short list or is refused.
 *
 * Opcodes: CPython's Lib/pickletools.py; arrays: NumPy's `ndarray.__reduce__` and `__setstate__`, in pickle-arrays.ts.
 */

import { DatasetError } from "../tensor/errors.ts";
import { build, globalNamed, isArrayPart, type Pickled, reduce } from "./pickle-arrays.ts";

/** Steps of a machine before it counts as endless: CIFAR-100's training batch, the largest, takes some 400,000. */
const mostSteps = 2_000_000;

const mark = Symbol("mark");

/** Reads one pickle. Strings of Python 2 come as bytes, tuples as arrays. Throws a DatasetError that names `file` and the byte. */
export function readPickle(bytes: Uint8Array, file: string): Pickled {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: (Pickled | typeof mark)[] = [];
  const memo = new Map<number, Pickled>();
  let at = 0;
  let opcodeAt = 0;

  const fail = (reason: string): never => {
    const byte = opcodeAt.toLocaleString("en-US");
    throw new DatasetError(`${file}: at byte ${byte}: ${reason}: it is damaged or not a batch of CIFAR.`, {
      file,
      byte: opcodeAt,
    });
  };
  const take = (count: number): number => {
    if (!(count <= bytes.length - at)) fail(`the pickle ends within ${count} bytes that it announces`);
    at += count;
    return at - count;
  };
  const blob = (count: number): Uint8Array => {
    const from = take(count);
    return bytes.subarray(from, from + count);
  };
  const u8 = () => view.getUint8(take(1));
  const u16 = () => view.getUint16(take(2), true);
  const u32 = () => view.getUint32(take(4), true);
  const u64 = () => Number(view.getBigUint64(take(8), true));
  const text = (count: number) => new TextDecoder().decode(new Uint8Array(blob(count)));
  const line = () => {
    const end = bytes.indexOf(10, at);
    if (end < 0 || end - at > 200) return fail("a name does not end");
    const name = new TextDecoder("latin1").decode(new Uint8Array(blob(end - at)));
    at = end + 1;
    return name;
  };
  const pop = (): Pickled => {
    const value = stack.pop();
    return value === undefined || value === mark ? fail("the stack is empty") : value;
  };
  const top = (): Pickled => {
    const value = stack[stack.length - 1];
    return value === undefined || value === mark ? fail("the stack is empty") : value;
  };
  const popMark = (): Pickled[] => {
    const place = stack.lastIndexOf(mark);
    if (place < 0) fail("a mark is missing");
    const values = stack.splice(place + 1) as Pickled[];
    stack.pop();
    return values;
  };
  const tuple = (count: number) => {
    const values = Array.from({ length: count }, pop);
    stack.push(values.reverse());
  };
  const recall = (place: number) => stack.push(memo.get(place) ?? fail(`nothing is remembered at ${place}`));
  const append = (values: readonly Pickled[]) => {
    const list = top();
    if (!Array.isArray(list)) return fail("only a list can be appended to");
    for (const value of values) list.push(value);
  };
  const setItems = (values: readonly Pickled[]) => {
    const dictionary = top();
    if (!(dictionary instanceof Map) || values.length % 2 !== 0) return fail("only a dictionary takes items");
    for (let i = 0; i < values.length; i += 2) dictionary.set(keyText(values[i]), values[i + 1]);
  };
  const keyText = (key: Pickled): string => {
    if (typeof key === "string" || typeof key === "number") return `${key}`;
    if (key instanceof Uint8Array && key.length < 1000) return String.fromCharCode(...key);
    return fail("a key is neither a string nor a number");
  };
  const global = (module: Pickled, name: Pickled) => {
    const named = globalNamed(`${module} ${name}`);
    stack.push(named ?? fail(`it asks for ${module}.${name}, which is not executed here`));
  };
  const long = (count: number): number => {
    const digits = blob(count);
    if (count > 6) return fail(`an integer of ${count} bytes is too large`);
    const size = digits.reduceRight((sum, digit) => sum * 256 + digit, 0);
    return count > 0 && digits[count - 1] > 127 ? size - 256 ** count : size;
  };

  /** One action an opcode; an opcode that is not here is refused. */
  // biome-ignore format: one opcode a line
  const actions: Readonly<Record<number, () => unknown>> = {
    128: () => u8() > 5 && fail("the pickle is of an unknown protocol"), // PROTO
    149: () => u64(), // FRAME
    40: () => stack.push(mark), // MARK
    48: () => stack.pop(), // POP
    78: () => stack.push(null), // NONE
    136: () => stack.push(true), // NEWTRUE
    137: () => stack.push(false), // NEWFALSE
    75: () => stack.push(u8()), // BININT1
    77: () => stack.push(u16()), // BININT2
    74: () => stack.push(u32() | 0), // BININT
    138: () => stack.push(long(u8())), // LONG1
    71: () => stack.push(view.getFloat64(take(8))), // BINFLOAT
    85: () => stack.push(blob(u8())), // SHORT_BINSTRING
    84: () => stack.push(blob(u32())), // BINSTRING
    67: () => stack.push(blob(u8())), // SHORT_BINBYTES
    66: () => stack.push(blob(u32())), // BINBYTES
    142: () => stack.push(blob(u64())), // BINBYTES8
    150: () => stack.push(blob(u64())), // BYTEARRAY8
    140: () => stack.push(text(u8())), // SHORT_BINUNICODE
    88: () => stack.push(text(u32())), // BINUNICODE
    41: () => stack.push([]), // EMPTY_TUPLE
    93: () => stack.push([]), // EMPTY_LIST
    125: () => stack.push(new Map()), // EMPTY_DICT
    133: () => tuple(1), // TUPLE1
    134: () => tuple(2), // TUPLE2
    135: () => tuple(3), // TUPLE3
    116: () => stack.push(popMark()), // TUPLE
    108: () => stack.push(popMark()), // LIST
    97: () => append([pop()]), // APPEND
    101: () => append(popMark()), // APPENDS
    115: () => { const value = pop(); setItems([pop(), value]); }, // SETITEM
    117: () => setItems(popMark()), // SETITEMS
    113: () => memo.set(u8(), top()), // BINPUT
    114: () => memo.set(u32(), top()), // LONG_BINPUT
    148: () => memo.set(memo.size, top()), // MEMOIZE
    104: () => recall(u8()), // BINGET
    106: () => recall(u32()), // LONG_BINGET
    99: () => { const module = line(); global(module, line()); }, // GLOBAL
    147: () => { const name = pop(); global(pop(), name); }, // STACK_GLOBAL
    82: () => { const values = pop(); stack.push(reduce(pop(), values, fail)); }, // REDUCE
    98: () => { const state = pop(); build(top(), state, fail); }, // BUILD
  };

  for (let step = 0; step < mostSteps; step++) {
    opcodeAt = at;
    const opcode = u8();
    if (opcode === 0x2e) {
      const value = pop();
      return isArrayPart(value) ? fail("the result is no value") : value;
    }
    const action = actions[opcode];
    if (!action) fail(`opcode 0x${opcode.toString(16).padStart(2, "0")} is not one that such a batch has`);
    action();
  }
  return fail(`it has more than ${mostSteps.toLocaleString("en-US")} steps`);
}
