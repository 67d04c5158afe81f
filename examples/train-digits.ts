/**
 * A whole training: images held out, augmentation, a schedule, checkpoints in a folder, and going on where an earlier run
 * was stopped (Ctrl-C stops after the step that runs).
 *
 *   train-digits [folder] [epochs]
 */

import {
  createLearner,
  DigitsDataset,
  data,
  decodeCheckpoint,
  evaluate,
  Loader,
  modelNamed,
  parseAugmentation,
  recipeFor,
  train,
  training,
  trainingOptions,
  wasmEngine,
} from "striate";
import { folderStore } from "striate/formats/node";

const [folder = "runs/example", epochs = "2"] = process.argv.slice(2);

const model = { name: "lenet5", options: { classes: 10 } };
const options = trainingOptions({
  ...recipeFor(model.name),
  epochs: Number(epochs),
  augment: "shift:2",
  engine: "wasm",
});

const whole = new DigitsDataset();
const { train: trained, validation } = data.holdOut(whole, 0.1, { seed: options.seed });
const { batch, seed } = options;
const augment = parseAugmentation(options.augment);
const loaders = {
  train: new Loader(trained, { batch, seed, shuffle: true, augment }),
  validation: new Loader(validation, { batch }),
  test: new Loader(new DigitsDataset({ split: "test" }), { batch }),
};

const engine = await wasmEngine();
const { imageShape, classes, normalization } = whole;
const learner = await createLearner({
  model: modelNamed(model.name).build(model.options),
  imageShape,
  engine,
  optimizer: options.optimizer,
  seed,
});

const store = folderStore(folder);
const kept = await store.read(training.lastFile);
const resume = kept === undefined ? {} : { resume: await decodeCheckpoint(kept, training.lastFile) };
const stop = new AbortController();
process.once("SIGINT", () => stop.abort());

const outcome = await train({
  model,
  data: { name: trained.name, fingerprint: trained.fingerprint, classes, normalization, imageShape },
  options,
  learner,
  train: loaders.train,
  validation: loaders.validation,
  store,
  ...resume,
  signal: stop.signal,
  clock: () => performance.now(),
  onEvent(event) {
    if (event.kind === "epoch") console.log(`epoch ${event.epoch}: validation top-1 ${event.valTop1}`);
  },
});
const { top1 } = await evaluate(learner, loaders.test.epoch(0));
console.log(`${outcome.steps} steps, test top-1 ${(100 * top1).toFixed(1)} %, kept in ${outcome.checkpoint}`);
learner.dispose();
engine.dispose();
