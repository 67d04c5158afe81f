// @ts-check
/** Whether contestants compute the same: their outputs against those of the first, in its standard deviations. */

/**
 * Differences from a reference in its standard deviations: the greatest, and the root of their mean square. Infinite where lengths
 * differ or a value is no number.
 * @param {Float32Array | undefined} values
 * @param {Float32Array} reference
 */
export function distanceOf(values, reference) {
  const far = { greatest: Number.POSITIVE_INFINITY, rootMeanSquare: Number.POSITIVE_INFINITY };
  if (values?.length !== reference.length) return far;
  const deviation = standardDeviation(reference);
  let [greatest, squares] = [0, 0];
  for (const [i, value] of values.entries()) {
    const distance = Math.abs(value - reference[i]) / deviation;
    if (Number.isNaN(distance)) return far;
    greatest = Math.max(greatest, distance);
    squares += distance ** 2;
  }
  return { greatest, rootMeanSquare: Math.sqrt(squares / reference.length) };
}

/**
 * How far apart two may be: any logit, and the root mean square of what an update changes, where the gradients of batch norm over
 * a small batch enlarge what rounding did: PyTorch's two layouts are 0.09 apart on ResNet-50 at batch 4.
 */
const tolerances = { logits: 2e-3, change: 0.3 };

/**
 * The distance of outputs from the reference, and what is wrong with it, if anything is: of inference the greatest between
 * logits, of training the root mean square between the changes that an update makes in them. Those are compared rather
 * than the logits after it, which an update of some networks moves by less than what is allowed between logits.
 * @param {readonly Float32Array[]} outputs
 * @param {readonly Float32Array[]} reference
 * @returns {{ distance: number, problem: string | undefined }}
 */
export function compare([logits, updated], [expected, expectedUpdated]) {
  const { greatest } = distanceOf(logits, expected);
  if (greatest > tolerances.logits || expectedUpdated === undefined)
    return { distance: greatest, problem: problemOf("logits", greatest, tolerances.logits) };
  const change = (/** @type {Float32Array} */ after, /** @type {Float32Array} */ before) =>
    after.map((value, i) => value - before[i]);
  const changed = updated && change(updated, logits);
  const { rootMeanSquare } = distanceOf(changed, change(expectedUpdated, expected));
  return {
    distance: rootMeanSquare,
    problem: problemOf("what an update changes", rootMeanSquare, tolerances.change),
  };
}

/**
 * @param {string} what
 * @param {number} distance
 * @param {number} tolerance
 */
function problemOf(what, distance, tolerance) {
  if (distance <= tolerance) return undefined;
  return `${what}: ${distance.toPrecision(2)} standard deviations from the first contestant's, over ${tolerance}`;
}

/** @param {string} text Base64, as a `Ready` has it. */
export function decodeFloats(text) {
  const bytes = Uint8Array.from(Buffer.from(text, "base64"));
  return new Float32Array(bytes.buffer);
}

/** @param {Float32Array} values */
function standardDeviation(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
