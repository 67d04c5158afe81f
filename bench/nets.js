// @ts-check
/** The networks that are timed, and what one image costs in multiply-adds (MACs). */

/**
 * @typedef {object} Net
 * @property {readonly [h: number, w: number, c: number]} imageShape
 * @property {number} classes
 * @property {number} macs Forward multiply-adds of one image: convolutions and linear layers.
 * @property {number} firstMacs Those of the first convolution, whose input needs no gradient.
 */

/** @type {Readonly<Record<string, Net>>} */
export const nets = {
  lenet5: { imageShape: [28, 28, 1], classes: 10, macs: 416_520, firstMacs: 117_600 },
  "cifar-resnet-20": { imageShape: [32, 32, 3], classes: 10, macs: 40_551_040, firstMacs: 442_368 },
};

/**
 * Floating-point operations of one image, two a multiply-add. Training is the forward pass, the gradients of the weights
 * and those of the inputs: three times forward, less the first convolution's input.
 * @param {Net} net
 * @param {"train" | "infer"} mode
 */
export function flopPerImage(net, mode) {
  return 2 * (mode === "train" ? 3 * net.macs - net.firstMacs : net.macs);
}
