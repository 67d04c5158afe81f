/**
 * Stochastic gradient descent with momentum, by two rules that differ in where the learning rate and the decay stand. With
 * w a parameter, g its gradient, v its velocity (0 at first), lr the rate of the step, m momentum, wd weight decay:
 *
 *   "pytorch"   v ← m·v + (g + wd·w)            w ← w − lr·v             with Nesterov: w ← w − lr·((g + wd·w) + m·v)
 *   "alexnet"   v ← m·v − wd·lr·w − lr·g        w ← w + v                no Nesterov form
 *
 * With a constant rate both give the same weights. When the rate changes, "pytorch" scales past gradients by the new rate,
 * "alexnet" keeps them at the rate of their step. PyTorch's torch.optim.SGD (dampening 0; its velocity starts as the first
 * gradient, which v = 0 gives too); Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional
 * Neural Networks", 2012, section 5. The compiled form is in `update.ts`.
 *
 * Clipping is done to the gradients alone, before weight decay joins them, as torch.nn.utils does it:
 *
 *   clipValue c   g ← min(max(g, −c), c)
 *   clipNorm c    g ← g · min(1, c / (‖all gradients‖₂ + 10⁻⁶))          after clipValue, when both are set
 */

import { OptionError } from "../tensor/index.ts";

export interface SgdOptions {
  readonly kind: "sgd";
  /** m, in [0, 1). */
  readonly momentum: number;
  /** Looks ahead along the velocity (Sutskever et al., 2013, in PyTorch's form). Needs momentum and the "pytorch" rule. */
  readonly nesterov: boolean;
  /** wd, at least 0. Biases and batch norm decay too, as in PyTorch when nothing else is said. */
  readonly weightDecay: number;
  readonly rule: "pytorch" | "alexnet";
  /** Greatest L2 norm of all gradients together. */
  readonly clipNorm?: number;
  /** Greatest magnitude of one gradient element. */
  readonly clipValue?: number;
}

export type OptimizerOptions = SgdOptions;

/** SGD with what is not given left at no momentum, no decay and PyTorch's rule. Throws an OptionError when it cannot work. */
export function sgd(options: Partial<Omit<SgdOptions, "kind">> = {}): SgdOptions {
  const { momentum = 0, nesterov = false, weightDecay = 0, rule = "pytorch", clipNorm, clipValue } = options;
  if (!(momentum >= 0 && momentum < 1)) throw outOfRange("momentum", momentum, "at least 0 and less than 1");
  if (!(weightDecay >= 0 && weightDecay < 1))
    throw outOfRange("weightDecay", weightDecay, "at least 0 and less than 1");
  if (clipNorm !== undefined && !(clipNorm > 0)) throw outOfRange("clipNorm", clipNorm, "greater than 0");
  if (clipValue !== undefined && !(clipValue > 0)) throw outOfRange("clipValue", clipValue, "greater than 0");
  if (nesterov && (momentum === 0 || rule === "alexnet")) {
    throw new OptionError("nesterov needs a momentum greater than 0 and the rule pytorch.", {
      option: "nesterov",
    });
  }
  return {
    kind: "sgd",
    momentum,
    nesterov,
    weightDecay,
    rule,
    ...(clipNorm === undefined ? {} : { clipNorm }),
    ...(clipValue === undefined ? {} : { clipValue }),
  };
}

function outOfRange(option: string, value: number, range: string): OptionError {
  return new OptionError(`${option} is ${value}; it must be ${range}.`, { option, value });
}
