/**
 * Reads pickles without trust in them: a small machine for the opcodes of dictionaries, lists, tuples, sets, strings, bytes and
 * numbers. Nothing is ever executed: what a pickle may name, call and give a state to is data that its dialect knows, such as
 * that of NumPy arrays (pickle-arrays.ts), and all else is refused.
 *
 * Opcodes of protocols 2 to 5: CPython's Lib/pickletools.py.
 */

/** What a pickle can hold: tuples, lists and sets are arrays, keys are text, strings of Python 2 are bytes; `Part` is the dialect's. */
export type PickleValue<Part> =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | PickleValue<Part>[]
  | Map<string, PickleValue<Part>>
  | Part;

/** A name that a pickle may call or refer to; it is only ever compared with. */
export class PickleName {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** Throws the reader's error, with the file and the byte of the opcode. */
export type PickleFail = (reason: string) => never;

/** What a kind of file says beyond plain values, and how it complains. */
export interface PickleDialect<Part> {
  /** Steps of a machine before it counts as endless. */
  readonly mostSteps: number;
  /** The error of a reason. */
  fault(reason: string, byte: number): Error;
  /** The part that stands for the name "module name"; undefined where it may not be named. */
  global(name: string): Part | undefined;
  /** The value of a call. */
  reduce(callee: PickleValue<Part>, values: PickleValue<Part>, fail: PickleFail): PickleValue<Part>;
  /** Gives a value its state. */
  build(target: PickleValue<Part>, state: PickleValue<Part>, fail: PickleFail): void;
  /** What a persistent id stands for; without it there may be none. */
  persistent?(id: PickleValue<Part>, fail: PickleFail): Part;
}

const mark = Symbol("mark");

/** An empty dictionary is one byte of a pickle and some 200 of memory; files hold a few for each array. */
const mostDictionaries = 200_000;

/**
 * Reads the pickle that begins at byte `from`; `end` is the byte after it. Throws the dialect's fault with the byte of the opcode.
 * Memory and time are in proportion to the bytes; what is remembered may refer to itself.
 */
export function readPickle<Part>(
  bytes: Uint8Array,
  dialect: PickleDialect<Part>,
  from = 0,
): { readonly value: PickleValue<Part>; readonly end: number } {
  type Value = PickleValue<Part>;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: (Value | typeof mark)[] = [];
  const memo = new Map<number, Value>();
  let at = from;
  let opcodeAt = from;
  let dictionaries = 0;

  const fail: PickleFail = (reason) => {
    throw dialect.fault(reason, opcodeAt);
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
  const pop = (): Value => {
    const value = stack.pop();
    return value === undefined || value === mark ? fail("the stack is empty") : value;
  };
  const top = (): Value => {
    const value = stack[stack.length - 1];
    return value === undefined || value === mark ? fail("the stack is empty") : value;
  };
  const popMark = (): Value[] => {
    const place = stack.lastIndexOf(mark);
    if (place < 0) fail("a mark is missing");
    const values = stack.splice(place + 1) as Value[];
    stack.pop();
    return values;
  };
  const tuple = (count: number) => {
    const values = Array.from({ length: count }, pop);
    stack.push(values.reverse());
  };
  const recall = (place: number) => stack.push(memo.get(place) ?? fail(`nothing is remembered at ${place}`));
  const append = (values: readonly Value[]) => {
    const list = top();
    if (!Array.isArray(list)) return fail("only a list can be appended to");
    for (const value of values) list.push(value);
  };
  const emptyDictionary = (): Map<string, Value> =>
    ++dictionaries > mostDictionaries ? fail("it has too many dictionaries") : new Map();
  const setItems = (values: readonly Value[]) => {
    const dictionary = top();
    if (!(dictionary instanceof Map) || values.length % 2 !== 0) return fail("only a dictionary takes items");
    for (let i = 0; i < values.length; i += 2) dictionary.set(keyText(values[i]), values[i + 1]);
  };
  const keyText = (key: Value): string => {
    if (typeof key === "string" || typeof key === "number") return `${key}`;
    if (key instanceof Uint8Array && key.length < 1000) return String.fromCharCode(...key);
    return fail("a key is neither a string nor a number");
  };
  const textOf = (name: Value): string =>
    typeof name === "string" && name.length <= 200 ? name : fail("a name is missing");
  const persistent = (id: Value): Part =>
    dialect.persistent ? dialect.persistent(id, fail) : fail("it has a persistent id");
  const global = (module: Value, name: Value) => {
    const named = dialect.global(`${textOf(module)} ${textOf(name)}`);
    stack.push(named ?? fail(`it asks for ${textOf(module)}.${textOf(name)}, which is not executed here`));
  };
  const long = (count: number): number => {
    const digits = blob(count);
    if (count > 16) return fail(`an integer of ${count} bytes is too large`);
    // Past 2⁵³ it rounds: nothing counts so far, and a magic number is known all the same.
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
    125: () => stack.push(emptyDictionary()), // EMPTY_DICT
    143: () => stack.push([]), // EMPTY_SET
    144: () => append(popMark()), // ADDITEMS
    145: () => stack.push(popMark()), // FROZENSET
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
    82: () => { const values = pop(); stack.push(dialect.reduce(pop(), values, fail)); }, // REDUCE
    98: () => { const state = pop(); dialect.build(top(), state, fail); }, // BUILD
    81: () => stack.push(persistent(pop())), // BINPERSID
  };

  for (let step = 0; step < dialect.mostSteps; step++) {
    opcodeAt = at;
    const opcode = u8();
    if (opcode === 0x2e) return { value: pop(), end: at };
    const action = actions[opcode];
    if (!action) fail(`opcode 0x${opcode.toString(16).padStart(2, "0")} is not one that such a file has`);
    action();
  }
  return fail(`it has more than ${dialect.mostSteps.toLocaleString("en-US")} steps`);
}
