import { createLearner, DigitsDataset, evaluate, Loader, models, sgd, wasmEngine } from "striate";

const engine = await wasmEngine();
const optimizer = sgd({ momentum: 0.9 });
const learner = await createLearner({ model: models.lenet5(), imageShape: [28, 28, 1], engine, optimizer });

let step = 0;
for await (const { images, labels, count } of new Loader(new DigitsDataset(), { batch: 64 }).epoch(0))
  await learner.trainStep(images, labels, count, { step: step++, learningRate: 0.05 });

const test = new Loader(new DigitsDataset({ split: "test" }), { batch: 64 });
const { top1 } = await evaluate(learner, test.epoch(0));
console.log(`${step} steps, test top-1 ${(100 * top1).toFixed(1)} %`);
