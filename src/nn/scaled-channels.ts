/** Channels of a network that a width multiplier makes thinner or wider. */

/**
 * `channels`·`width` rounded to a multiple of 8, the next one where rounding down would lose more than a tenth; at least 8.
 * The rule of MobileNetV2's code, which its descendants took over.
 */
export function scaledChannels(channels: number, width: number): number {
  const wanted = channels * width;
  const rounded = Math.max(8, Math.floor((wanted + 4) / 8) * 8);
  return rounded < 0.9 * wanted ? rounded + 8 : rounded;
}
