/**
 * A model of one's own: layers by name, a block as a function, the table of its sizes, a feature map tapped on the way, and
 * the plan that the compiler makes of it.
 */

import { build, createLearner, describe, graph, jsEngine, nn, summarize } from "striate";

/** Two convolutions and a shortcut that is a 1×1 convolution. */
const block = (channels: number) =>
  nn.residual(
    nn.sequential({
      conv1: nn.conv2d(channels, 3, { padding: 1, bias: false }),
      bn1: nn.batchNorm2d(),
      relu: nn.relu(),
      conv2: nn.conv2d(channels, 3, { padding: 1, bias: false }),
      bn2: nn.batchNorm2d(),
    }),
    nn.sequential({ downsample: nn.conv2d(channels, 1) }),
    { after: nn.relu() },
  );

const model = nn.sequential({
  stem: nn.conv2d(8, 3, { stride: 2, padding: 1 }),
  block1: block(16),
  pool: nn.maxPool2d(2),
  block2: block(32),
  avgpool: nn.globalAvgPool2d(),
  fc: nn.linear(10),
});

const network = build(model, { input: [1, 28, 28, 1] });
for (const { name, outputShape, parameters, macs } of summarize(network).rows)
  console.log(
    name.padEnd(18),
    `[${outputShape}]`.padEnd(14),
    `${parameters} parameters, ${macs} multiply-adds`,
  );

// Any tensor of the network can be an output: here what block1 gives, beside the logits.
const state = new graph.StateLayout();
state.append("parameters", network.parameters);
state.append("states", network.states);
const plan = graph.plan({
  outputs: { features: network.tap("block1"), logits: network.outputs.logits },
  state,
});
console.log(`\n${describe(plan)}\n`);

const session = await jsEngine().open(state);
for (const [name, values] of nn.initialValues(network, 1)) session.write(name, values);
const program = await session.load(plan);
const { features, logits } = await program.run({ x: new Float32Array(28 * 28).fill(0.5) });
console.log(`block1 gives ${features.length} numbers, the network ${logits.length} logits`);

// The training form of the same model, its backward pass and optimizer included, is one plan too.
const learner = await createLearner({ model, imageShape: [28, 28, 1], engine: jsEngine() });
console.log(`a training step of 32 images is ${learner.plan("train", 32).steps.length} steps`);
