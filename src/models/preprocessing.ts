/**
 * How pictures become inputs where weights are published: every zoo of weights has its own way, and a network that is given
 * pictures in another's way is wrong without a sign of it.
 */

/** What is done to a picture: scaled, cut to the model's input, then (scale·byte − mean) / std in each channel. */
export interface Preprocessing {
  /** Share of the scaled picture's sides that the centre crop keeps: 0.875 is 224 of 256. */
  readonly cropFraction: number;
  /** The order in which the network takes colours; mean and std have the same. */
  readonly channels: "rgb" | "bgr" | "grey";
  /** What bytes are multiplied with first: 1/255 makes them 0…1, 1 leaves them 0…255. */
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** The statistics of ImageNet's training pictures, as torchvision, timm and most of PyTorch have them. */
export const torchvision: Preprocessing = {
  cropFraction: 0.875,
  channels: "rgb",
  scale: 1 / 255,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** Caffe's: blue first, bytes less the mean of each channel. */
export const caffe: Preprocessing = {
  cropFraction: 0.875,
  channels: "bgr",
  scale: 1,
  mean: [104, 117, 123],
  std: [1, 1, 1],
};

/** TensorFlow's for the inceptions, NASNet and MobileNet: [−1, 1]. */
export const inception: Preprocessing = {
  cropFraction: 0.875,
  channels: "rgb",
  scale: 1 / 255,
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
};

/** That of the authors of dual path networks: ImageNet's means in whole bytes, one deviation for all. */
export const dualPath: Preprocessing = {
  cropFraction: 0.875,
  channels: "rgb",
  scale: 1 / 255,
  mean: [124 / 255, 117 / 255, 104 / 255],
  std: [1 / (0.0167 * 255), 1 / (0.0167 * 255), 1 / (0.0167 * 255)],
};

/** That of megvii's ShuffleNets: blue first, bytes as they are. */
export const megvii: Preprocessing = {
  cropFraction: 0.875,
  channels: "bgr",
  scale: 1,
  mean: [0, 0, 0],
  std: [1, 1, 1],
};

/** Whole pictures of 32×32 with CIFAR-10's mean, and the deviation that kuangliu/pytorch-cifar and pytorchcv divide by. */
export const cifar10: Preprocessing = {
  cropFraction: 1,
  channels: "rgb",
  scale: 1 / 255,
  mean: [0.4914, 0.4822, 0.4465],
  std: [0.2023, 0.1994, 0.201],
};

/** Whole pictures of 28×28 with the mean and deviation of MNIST's training pictures. */
export const mnistDigits: Preprocessing = {
  cropFraction: 1,
  channels: "grey",
  scale: 1 / 255,
  mean: [0.1307],
  std: [0.3081],
};

/**
 * Mean and deviation in units of 0…1, as data is normalised with: (byte/255 − mean) / std. The order of channels stays that of
 * the network.
 */
export function normalizationOf({ channels, scale, mean, std }: Preprocessing): {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly channels?: "bgr";
} {
  const unit = 1 / (255 * scale);
  return {
    mean: mean.map((each) => each * unit),
    std: std.map((each) => each * unit),
    ...(channels === "bgr" ? { channels } : {}),
  };
}
