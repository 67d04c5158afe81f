/**
 * What a picture shows, by a checkpoint that `striate train` or train-digits wrote.
 *
 *   classify-picture <checkpoint> <picture>
 */

import { createLearner, decodeCheckpoint, modelNamed, wasmEngine } from "striate";
import { decodeImage } from "striate/data/node";
import { readFileBytes } from "striate/formats/node";

const [file, picture] = process.argv.slice(2);
if (file === undefined || picture === undefined) throw new Error("classify-picture <checkpoint> <picture>");

const checkpoint = await decodeCheckpoint(await readFileBytes(file), file);
const { classes, imageShape, normalization } = checkpoint.data;
const [height, width, channels] = imageShape;

const engine = await wasmEngine({ threads: 1 });
const learner = await createLearner({
  model: modelNamed(checkpoint.model.name).build({ classes: classes.length }),
  imageShape,
  engine,
});
// Weights alone: what the optimizer remembers is for going on with the training.
learner.restore(new Map([...checkpoint.state].filter(([name]) => !name.startsWith("optimizer."))));

const pixels = await decodeImage(picture, { height, width, channels });
const { mean, std } = normalization;
const image = Float32Array.from(pixels, (value, i) => (value / 255 - mean[i % channels]) / std[i % channels]);

const { logits } = await learner.evaluate(image, Float32Array.of(0), 1);
const powers = Array.from(logits, (logit) => Math.exp(logit - Math.max(...logits)));
const total = powers.reduce((a, b) => a + b, 0);
const best = powers.indexOf(Math.max(...powers));
console.log(`${picture}: ${classes[best]} (${((100 * powers[best]) / total).toFixed(1)} %)`);
learner.dispose();
engine.dispose();
