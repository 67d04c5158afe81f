/**
 * What residual networks share: the blocks of He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015,
 * figure 5, their shortcuts, and the frame around them, which is that of Table 1 and of section 4.2. Names are torchvision's.
 */

import * as nn from "../nn/index.ts";

/**
 * The first layers: 7×7 at stride 2 and 3×3 max pooling at stride 2 ("imagenet"), the same with pooling that has no padding and
 * rounds up ("caffe"), or a 3×3 convolution alone ("cifar").
 */
export type Stem = "imagenet" | "caffe" | "cifar";
/** Where a bottleneck strides: its first 1×1 ("v1", the paper) or its 3×3 ("v1.5", as torchvision). */
export type BottleneckVariant = "v1" | "v1.5";
/**
 * Section 4.1: A pads new channels with zeros and has no parameters, B projects where channels change, C projects in every
 * block.
 */
export type ShortcutOption = "A" | "B" | "C";

/** Stochastic depth of a whole network: see `nn.stochasticDepth`. */
export interface StochasticDepthSchedule extends nn.StochasticDepthOptions {
  /** Probability that the last block survives a step; falls linearly from 1 at the input. The paper has 0.5. */
  readonly survival: number;
}

export interface ResidualStagesOptions {
  /** Blocks of each stage: those of conv2_x to conv5_x in Table 1. */
  readonly counts: readonly number[];
  /** Width of the first stage; each stage has twice that of the one before. Default 64. */
  readonly width?: number;
  /** Default: every block is there in every step. */
  readonly stochasticDepth?: StochasticDepthSchedule | undefined;
  /** A block; `drop` is for the `drop` of `nn.residual`. */
  readonly block: (width: number, stride: number, drop: nn.Layer) => nn.Layer;
}

/** layer1, layer2, …: stages of blocks, the first block of each but layer1 halving the size. */
export function residualStages(options: ResidualStagesOptions): Readonly<Record<string, nn.Layer>> {
  const { counts, width = 64, stochasticDepth, block } = options;
  const drops = dropsOf(
    counts.reduce((a, b) => a + b, 0),
    stochasticDepth,
  );
  const stages = counts.map((count, stage) => {
    const before = counts.slice(0, stage).reduce((a, b) => a + b, 0);
    const layer = nn.repeat(count, (i) =>
      block(width * 2 ** stage, stage > 0 && i === 0 ? 2 : 1, drops[before + i]),
    );
    return [`layer${stage + 1}`, layer] as const;
  });
  return Object.fromEntries(stages);
}

export interface ResidualNetworkOptions extends ResidualStagesOptions {
  /** Default "imagenet". */
  readonly stem?: Stem;
  /** Whether the first convolution, which has the `width` of the first stage, has biases. Default false. */
  readonly bias?: boolean;
  /** The last layer, by its name. */
  readonly head: Readonly<Record<string, nn.Layer>>;
}

/** First layers, stages of blocks that halve the size, global pooling, last layer. */
export function residualNetwork(options: ResidualNetworkOptions): nn.Layer {
  const { width = 64, stem = "imagenet", bias = false, head } = options;
  const [kernel, stride] = stem === "cifar" ? [3, 1] : [7, 2];
  return nn.sequential({
    conv1: convolution(width, kernel, { stride, padding: (kernel - 1) / 2, bias }),
    bn1: nn.batchNorm2d(),
    relu: nn.relu(),
    ...(stem === "imagenet" ? { maxpool: nn.maxPool2d(3, { stride: 2, padding: 1 }) } : {}),
    ...(stem === "caffe" ? { maxpool: nn.maxPool2d(3, { stride: 2, rounding: "ceil" }) } : {}),
    ...residualStages(options),
    avgpool: nn.globalAvgPool2d(),
    ...head,
  });
}

/** What drops each of `count` blocks, from the input on. */
function dropsOf(count: number, stochasticDepth: StochasticDepthSchedule | undefined): readonly nn.Layer[] {
  if (stochasticDepth === undefined) return new Array(count).fill(nn.identity());
  const { survival, ...options } = stochasticDepth;
  return nn.linearDecay(count, survival).map((each) => nn.stochasticDepth(each, options));
}

/** Figure 5, left: two 3×3 convolutions. */
export function basicBody(width: number, stride: number, { bias = false } = {}): nn.Sequential {
  return nn.sequential({
    conv1: convolution(width, 3, { stride, padding: 1, bias }),
    bn1: nn.batchNorm2d(),
    relu: nn.relu(),
    conv2: convolution(width, 3, { padding: 1, bias }),
    bn2: nn.batchNorm2d(),
  });
}

export interface BottleneckOptions {
  /** Channels of the 3×3. */
  readonly width: number;
  /** Channels between the first 1×1 and the 3×3. Default: `width`. */
  readonly reduced?: number;
  /** Channels out. */
  readonly channels: number;
  readonly stride: number;
  /** Default "v1.5". */
  readonly variant?: BottleneckVariant;
  /** Distance between the taps of the 3×3, which is padded by as much. Default 1. */
  readonly dilation?: number;
  /** Parts that the 3×3 splits its channels into. Default 1. */
  readonly groups?: number;
  /** Whether convolutions have biases. Default false. */
  readonly bias?: boolean;
}

/** Figure 5, right: a 1×1 convolution that narrows, a 3×3, a 1×1 that widens. */
export function bottleneckBody(options: BottleneckOptions): nn.Sequential {
  const { width, channels, stride, variant = "v1.5", groups = 1, bias = false } = options;
  const { reduced = width, dilation = 1 } = options;
  const [first, second] = variant === "v1" ? [stride, 1] : [1, stride];
  return nn.sequential({
    conv1: convolution(reduced, 1, { stride: first, bias }),
    bn1: nn.batchNorm2d(),
    relu1: nn.relu(),
    conv2: convolution(width, 3, { stride: second, padding: dilation, dilation, groups, bias }),
    bn2: nn.batchNorm2d(),
    relu2: nn.relu(),
    conv3: convolution(channels, 1, { bias }),
    bn3: nn.batchNorm2d(),
  });
}

export interface ShortcutOptions {
  /** Default "B". */
  readonly option?: ShortcutOption;
  /** What the shortcut is called where it is not x itself. Default "downsample". */
  readonly name?: string;
  /** Whether the projection has biases. Default false. */
  readonly bias?: boolean;
  /** Edge of the projection, odd. Default 1, the paper's. */
  readonly kernel?: number;
}

/** The shortcut of a block to `channels` channels at `stride`: x itself where nothing changes, but with option C. */
export function shortcutTo(channels: number, stride: number, options: ShortcutOptions = {}): nn.Layer {
  const { option = "B", name = "downsample", bias = false, kernel = 1 } = options;
  const projected = { stride, padding: (kernel - 1) / 2, bias };
  const shortcut =
    option === "A"
      ? nn.paddedShortcut(channels, stride)
      : nn.sequential([convolution(channels, kernel, projected), nn.batchNorm2d()]);
  return (x, scope) =>
    option !== "C" && stride === 1 && x.shape[3] === channels ? x : scope.child(name, shortcut, x);
}

/** Weights as in He et al., "Delving deep into rectifiers", 2015, which section 3.4 cites; no biases where none are asked for. */
export function convolution(channels: number, kernel: number, options: nn.Conv2dOptions = {}): nn.Layer {
  return nn.conv2d(channels, kernel, {
    bias: false,
    weightInitializer: nn.heNormal,
    biasInitializer: nn.zeros,
    ...options,
  });
}
