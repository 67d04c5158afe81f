// @ts-check
/** Whether contestants compute the same: their outputs against those of the first, in its standard deviations. */

/**
 * Greatest difference of each output, in standard deviations of the reference. Infinite where lengths differ or a value is no
 * number.
 * @param {readonly Float32Array[]} outputs
 * @param {readonly Float32Array[]} reference
 */
export function distances(outputs, reference) {
  return reference.map((expected, i) => {
    const came = outputs[i];
    if (came?.length !== expected.length) return Number.POSITIVE_INFINITY;
    const deviation = standardDeviation(expected);
    let greatest = 0;
    for (const [at, value] of came.entries()) {
      const distance = Math.abs(value - expected[at]) / deviation;
      if (Number.isNaN(distance)) return Number.POSITIVE_INFINITY;
      greatest = Math.max(greatest, distance);
    }
    return greatest;
  });
}

/**
 * How far apart they may be: logits, and what an update changed in them, where the gradients of batch norm over a small batch
 * enlarge what rounding did.
 */
const tolerances = [2e-3, 5e-2];

/**
 * The greatest distance, and what is wrong with it, if anything is. Of training, the second output counts as its difference from the
 * first: an update moves some networks by less than what is allowed between logits.
 * @param {readonly Float32Array[]} outputs
 * @param {readonly Float32Array[]} reference
 */
export function compare(outputs, reference) {
  const found = distances(withChange(outputs), withChange(reference));
  const wrong = found.findIndex((distance, i) => distance > tolerances[i]);
  const what = wrong === 0 ? "logits" : "what an update changes";
  return {
    distance: Math.max(...found),
    problem:
      wrong === -1
        ? undefined
        : `${what}: ${found[wrong].toPrecision(2)} standard deviations from the first contestant's, over ${tolerances[wrong]}`,
  };
}

/** @param {readonly Float32Array[]} outputs */
function withChange([before, after]) {
  return after === undefined ? [before] : [before, after.map((value, i) => value - before[i])];
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
