/**
 * Deep image prior: Ulyanov, Vedaldi and Lempitsky, "Deep Image Prior", 2017, arXiv:1711.10925.
 *
 * An encoder and a decoder with thin connections between them (an "hourglass", figure 21 of the paper), which turns fixed noise into
 * one image: fitted by gradient descent to an image that is noisy, small or has holes, it makes what is natural before what
 * is noise, and is stopped there. Options and names are those of the authors' `skip` (models/skip.py); each scale halves the size,
 * so height and width must be multiples of 2 to the number of scales.
 *
 * Input noise [n, h, w, c], uniform on [0, 0.1) with 32 channels in most of the authors' experiments; output `image`,
 * [n, h, w, channels].
 */

import * as nn from "../nn/index.ts";
import { checkOneOf } from "../nn/options.ts";
import { OptionError } from "../tensor/errors.ts";

export interface DeepImagePriorOptions {
  /** Channels of the image. Default 3. */
  readonly channels?: number;
  /** Channels on the way down, a number for each scale. Default 128 at five scales, the authors' `get_net`. */
  readonly down?: readonly number[];
  /** Channels on the way up, likewise. Default: as `down`. */
  readonly up?: readonly number[];
  /** Channels of the connections between them, likewise; 0 for none. Default 4. */
  readonly skip?: readonly number[];
  /** Kernels of the convolutions down, up and across. Default 3, 3 and 1. */
  readonly kernels?: { readonly down?: number; readonly up?: number; readonly skip?: number };
  /** What convolutions see beyond the edges. Default "zero", the authors' function; most of their experiments mirror. */
  readonly padding?: "zero" | "reflection";
  /** How maps become twice as large. Default "bilinear". */
  readonly upsampling?: "nearest" | "bilinear";
  /** Whether a 1×1 convolution follows on the way up. Default true. */
  readonly pointwiseUp?: boolean;
  /** Whether the image is squeezed into (0, 1). Default true. */
  readonly sigmoid?: boolean;
}

export function deepImagePrior(options: DeepImagePriorOptions = {}): nn.Layer<nn.NamedTensors> {
  const { channels = 3, down = [128, 128, 128, 128, 128], upsampling = "bilinear", sigmoid = true } = options;
  const { up = down, skip = down.map(() => 4), kernels = {}, padding = "zero", pointwiseUp = true } = options;
  if (down.length === 0 || up.length !== down.length || skip.length !== down.length)
    throw new OptionError(
      `deepImagePrior: down, up and skip have ${down.length}, ${up.length} and ${skip.length} numbers, but must have one ` +
        "for each scale.",
      { down, up, skip },
    );
  checkOneOf("deepImagePrior", "upsampling", upsampling, ["nearest", "bilinear"]);
  checkOneOf("deepImagePrior", "padding", padding, ["zero", "reflection"]);
  const convolution = (features: number, kernel: number, stride = 1) => {
    const places = (kernel - 1) / 2;
    return nn.sequential(
      padding === "reflection"
        ? [nn.reflectionPad2d(places), nn.conv2d(features, kernel, { stride })]
        : [nn.conv2d(features, kernel, { stride, padding: places })],
    );
  };
  /** A convolution, batch norm and the activation, named from `first` on. */
  const unit = (
    first: number,
    features: number,
    kernel: number,
    stride = 1,
  ): Readonly<Record<number, nn.Layer>> => ({
    [first]: convolution(features, kernel, stride),
    [first + 1]: nn.batchNorm2d(),
    [first + 2]: nn.leakyRelu(0.2),
  });
  // Authors' modules count from 1, the two ways that a concatenation joins from 0.
  const scale = (i: number): Readonly<Record<number, nn.Layer>> => {
    const deepest = i === down.length - 1;
    const larger = nn.upsample(2, { mode: upsampling });
    const deeper = nn.sequential({
      ...unit(1, down[i], kernels.down ?? 3, 2),
      ...unit(4, down[i], kernels.down ?? 3),
      ...(deepest ? { 7: larger } : { 7: nn.sequential(scale(i + 1)), 8: larger }),
    });
    const across = () => nn.sequential(unit(1, skip[i], kernels.skip ?? 1));
    return {
      1: skip[i] === 0 ? deeper : nn.branches([across(), deeper]),
      2: nn.batchNorm2d(),
      ...unit(3, up[i], kernels.up ?? 3),
      ...(pointwiseUp ? unit(6, up[i], 1) : {}),
    };
  };
  const whole = scale(0);
  const next = Object.keys(whole).length + 1;
  const layers = nn.sequential({
    ...whole,
    [next]: convolution(channels, 1),
    ...(sigmoid ? { [next + 1]: nn.sigmoid() } : {}),
  });
  return (x, scope) => ({ image: layers(x, scope) });
}
