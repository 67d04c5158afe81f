/**
 * How a pickle puts NumPy arrays together, as data: the few globals that it may name, and what calling them means. CIFAR's Python
 * batches are published so.
 *
 * NumPy's `ndarray.__reduce__` and `__setstate__`.
 */

import { DatasetError } from "../tensor/errors.ts";
import { type PickleDialect, type PickleFail, PickleName, type PickleValue, readPickle } from "./pickle.ts";

/** Steps before a pickle counts as endless: CIFAR-100's training batch, the largest, takes some 400,000. */
const mostSteps = 2_000_000;

/** A NumPy array of bytes or integers in C order. */
export class PickledArray {
  shape: readonly number[] = [];
  /** NumPy's name of an element: "u1", "i4", "i8". */
  dtype = "u1";
  bytes: Uint8Array = new Uint8Array(0);
}

/** An element type under construction. */
class Dtype {
  readonly code: string;
  constructor(code: string) {
    this.code = code;
  }
}

type Part = PickledArray | PickleName | Dtype;

export type Pickled = PickleValue<Part>;

/** Reads one pickle of plain values and arrays. Throws a DatasetError that names `file` and the byte. */
export function readArrayPickle(bytes: Uint8Array, file: string): Pickled {
  const dialect: PickleDialect<Part> = {
    mostSteps,
    fault(reason, byte) {
      const place = byte.toLocaleString("en-US");
      const message = `${file}: at byte ${place}: ${reason}: it is damaged or not a batch of CIFAR.`;
      return new DatasetError(message, { file, byte });
    },
    global: (name) => globals.get(name),
    reduce,
    build,
  };
  const { value } = readPickle(bytes, dialect);
  if (value instanceof PickleName || value instanceof Dtype) throw dialect.fault("the result is no value", 0);
  return value;
}

/** NumPy 2 moved its core to numpy._core. */
const globals = new Map(
  [
    "numpy.core.multiarray _reconstruct",
    "numpy._core.multiarray _reconstruct",
    "numpy.core.numeric _frombuffer",
    "numpy._core.numeric _frombuffer",
    "numpy ndarray",
    "numpy dtype",
    "_codecs encode",
  ].map((name) => [name, new PickleName(name.replace("._core", ".core"))]),
);

const elementBytes: Readonly<Record<string, number>> = {
  u1: 1,
  i1: 1,
  u2: 2,
  i2: 2,
  u4: 4,
  i4: 4,
  u8: 8,
  i8: 8,
};

/** The value of a call. */
function reduce(callee: Pickled, values: Pickled, fail: PickleFail): Pickled {
  if (!(callee instanceof PickleName) || !Array.isArray(values))
    return fail("what is called is not a function");
  switch (callee.name) {
    case "numpy.core.multiarray _reconstruct":
      return new PickledArray();
    case "numpy dtype":
      return new Dtype(textOf(values[0], fail));
    case "numpy.core.numeric _frombuffer": {
      const [bytes, dtype, shape, order] = values;
      const isFortran = order !== undefined && textOf(order, fail) !== "C";
      return Object.assign(new PickledArray(), content([shape, dtype, isFortran, bytes], fail));
    }
    case "_codecs encode": {
      // Python 3 writes bytes for Python 2 as text of the same code points.
      const [text, encoding] = values;
      if (typeof text !== "string" || textOf(encoding, fail) !== "latin1")
        return fail("bytes are not latin1");
      return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    }
    default:
      return fail(`${callee.name} is called`);
  }
}

/** Gives an array or an element type its state. */
function build(target: Pickled, state: Pickled, fail: PickleFail): void {
  if (!Array.isArray(state)) fail("a state is not a tuple");
  const parts = state as Pickled[];
  if (target instanceof PickledArray) {
    const [, shape, dtype, isFortran, bytes] = parts;
    Object.assign(target, content([shape, dtype, isFortran !== false, bytes], fail));
  } else if (target instanceof Dtype) {
    if (textOf(parts[1], fail) === ">" && target.code !== "u1" && target.code !== "i1") {
      fail("numbers are big-endian");
    }
  } else {
    fail("only arrays have a state");
  }
}

/** The content of an array, once it is found sound. */
function content(
  [shape, dtype, isFortran, bytes]: readonly [Pickled, Pickled, boolean, Pickled],
  fail: PickleFail,
): Pick<PickledArray, "shape" | "dtype" | "bytes"> {
  if (!(dtype instanceof Dtype) || !Object.hasOwn(elementBytes, dtype.code)) {
    return fail("an array's elements are not integers");
  }
  if (isFortran) return fail("an array is not in C order");
  const isExtent = (n: Pickled) => typeof n === "number" && Number.isInteger(n) && n >= 0;
  if (!Array.isArray(shape) || shape.length > 8 || !shape.every(isExtent))
    return fail("an array has no shape");
  const extents = shape.map(Number);
  const expected = extents.reduce((a, b) => a * b, elementBytes[dtype.code]);
  if (!(bytes instanceof Uint8Array) || bytes.length !== expected) {
    return fail(`an array [${extents}] of ${dtype.code} does not have ${expected} bytes`);
  }
  return { shape: extents, dtype: dtype.code, bytes };
}

function textOf(value: Pickled | undefined, fail: PickleFail): string {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array && value.length < 100) return String.fromCharCode(...value);
  return fail("a name is missing");
}
