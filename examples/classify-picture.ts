/**
 * What pictures show, by a checkpoint that `striate train`, `striate convert` or train-digits wrote.
 *
 *   classify-picture <checkpoint> <picture...>
 */

import { openClassifier } from "striate/inference/node";

const [file, ...pictures] = process.argv.slice(2);
if (file === undefined || pictures.length === 0)
  throw new Error("classify-picture <checkpoint> <picture...>");

const classifier = await openClassifier(file);
for (const [i, [best]] of (await classifier.classifyFiles(pictures)).entries())
  console.log(`${pictures[i]}: ${best.class} (${(100 * best.probability).toFixed(1)} %)`);
classifier.dispose();
