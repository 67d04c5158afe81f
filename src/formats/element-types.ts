/**
 * Element types of safetensors files: their sizes, and how each becomes float32.
 *
 * Typed arrays have the byte order of the machine; files are little-endian, and so is every platform that runs Node or a
 * current browser.
 */

/** Bytes of one element, by the name that the file format uses. */
export const elementBytes = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  U64: 8,
  I32: 4,
  U32: 4,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;

export type ElementType = keyof typeof elementBytes;

export function isElementType(name: unknown): name is ElementType {
  return typeof name === "string" && Object.hasOwn(elementBytes, name);
}

/** Elements of `bytes` as float32: exact for F32, F16, BF16 and small integers, rounded to nearest for the rest. */
export function toFloat32(type: ElementType, bytes: Uint8Array): Float32Array {
  // A copy, so that the start is aligned whatever the file's header length was. Not `slice`: that of Node's Buffer is a view.
  const buffer = new Uint8Array(bytes).buffer;
  switch (type) {
    case "F32":
      return new Float32Array(buffer);
    case "F64":
      return Float32Array.from(new Float64Array(buffer));
    case "F16":
      return Float32Array.from(new Uint16Array(buffer), halfToNumber);
    case "BF16":
      // bfloat16 is the upper half of a float32.
      return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16).buffer);
    case "I64":
      return float32FromBigInts(new BigInt64Array(buffer));
    case "U64":
      return float32FromBigInts(new BigUint64Array(buffer));
    case "I32":
      return Float32Array.from(new Int32Array(buffer));
    case "U32":
      return Float32Array.from(new Uint32Array(buffer));
    case "I16":
      return Float32Array.from(new Int16Array(buffer));
    case "U16":
      return Float32Array.from(new Uint16Array(buffer));
    case "I8":
      return Float32Array.from(new Int8Array(buffer));
    case "U8":
    case "BOOL":
      return Float32Array.from(new Uint8Array(buffer));
  }
}

function float32FromBigInts(values: BigInt64Array | BigUint64Array): Float32Array {
  const result = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) result[i] = Number(values[i]);
  return result;
}

/** The value of an IEEE 754 binary16: one sign bit, five of exponent (bias 15), ten of fraction. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
