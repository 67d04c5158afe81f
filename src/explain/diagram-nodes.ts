/**
 * What a diagram of a network shows: its convolutions, poolings, linear layers, norms of neighbours and the places where paths meet.
 * Activations, batch norm and reshaping are on the way from one to the next and are not drawn.
 */

import { orderOf } from "../graph/order.ts";
import type { Network } from "../nn/network.ts";
import type { Tensor } from "../ops/operation.ts";
import type { Shape } from "../tensor/shape.ts";

export type Look = "convolution" | "depthwise" | "pooling" | "linear" | "norm" | "resize" | "meeting";

export interface DiagramNode {
  /** Counts nodes in the order of computation. */
  readonly id: number;
  /** Names of the blocks that it is in, outermost first, and its own last. */
  readonly path: readonly string[];
  readonly look: Look;
  /** What it does in few letters: "3×3", "max 3×3", "+". */
  readonly text: string;
  /** Output without the batch axis: [h, w, c] or [c]. */
  readonly shape: Shape;
  /** Step from window to window, where it is not 1. */
  readonly stride: number;
  /** Place and operation, for people who ask. */
  readonly title: string;
  /** Nodes that it reads, the image being −1. */
  readonly reads: readonly number[];
}

/** The image that the first nodes read. */
export const imageId = -1;

/** How operations look; what is not here is on the way. */
const looks: Readonly<Record<string, Look>> = {
  conv2d: "convolution",
  transposedConv2d: "convolution",
  linear: "linear",
  maxPool2d: "pooling",
  avgPool2d: "pooling",
  globalAveragePool2d: "pooling",
  globalMaxPool2d: "pooling",
  localResponseNorm: "norm",
  groupNorm: "norm",
  l2Normalize: "norm",
  resample: "resize",
  concat: "meeting",
  add: "meeting",
  multiply: "meeting",
};

const meetings: Readonly<Record<string, string>> = { concat: "concat", add: "+", multiply: "×" };

/** The nodes of a network in inference form, each after those it reads; the last are its outputs. */
export function diagramNodes(network: Network): DiagramNode[] {
  const nodes: DiagramNode[] = [];
  /** The nodes that a tensor comes from: several where paths meet in an operation that is not drawn. */
  const sources = new Map<Tensor, readonly number[]>();
  for (const image of Object.values(network.inputs)) sources.set(image, [imageId]);
  for (const tensor of orderOf(Object.values(network.outputs))) {
    if (tensor.node === undefined) continue;
    const { operation, inputs } = tensor.node;
    const read = [...new Set(Object.values(inputs).flatMap((each) => sources.get(each) ?? []))];
    if (read.length === 0) continue; // made of parameters alone
    const look = looks[operation.name];
    // x·clip(x + 3)/6 and the like: paths that part and meet between two nodes are part of an activation.
    if (look === undefined || (look === "meeting" && read.length === 1)) {
      sources.set(tensor, read);
      continue;
    }
    const id = nodes.length;
    nodes.push({
      id,
      // Operations of the model itself are named after what they do, which makes no block of them.
      path: [...(tensor.name === operation.name ? [] : tensor.name.split(".")), `#${id}`],
      ...appearance(tensor, look),
      shape: tensor.shape.slice(1),
      title: `${tensor.name}: ${operation.name}`,
      reads: read,
    });
    sources.set(tensor, [id]);
  }
  return nodes;
}

/** Look, text and stride of a drawn operation. */
function appearance({ node, shape }: Tensor, look: Look): Pick<DiagramNode, "look" | "text" | "stride"> {
  if (node === undefined) throw new Error("only what is computed is drawn");
  const { operation, inputs, attributes } = node;
  const window = operation.window?.(
    attributes,
    Object.fromEntries(Object.entries(inputs).map(([name, each]) => [name, each.shape])),
  );
  const stride = window?.stride[0] ?? 1;
  const kernel = window?.kernel.join("×") ?? "";
  const name = operation.name;
  if (look === "convolution") {
    const filters = inputs.weight.shape;
    const groups = inputs.x.shape[3] / filters[2];
    if (name === "transposedConv2d") {
      const { stride: up } = attributes as { readonly stride?: number | readonly [number, number] };
      const [factor] = [up ?? 1].flat();
      return {
        look,
        text: `up ${filters.slice(0, 2).join("×")}${factor > 1 ? ` ×${factor}` : ""}`,
        stride: 1,
      };
    }
    const isDepthwise = filters[2] === 1 && groups > 1;
    if (isDepthwise) return { look: "depthwise", text: `dw ${kernel}`, stride };
    const grouped = groups > 1 ? ` ÷${groups}` : "";
    const dilation = window !== undefined && window.dilation[0] > 1 ? ` d${window.dilation[0]}` : "";
    return { look, text: `${kernel}${grouped}${dilation}`, stride };
  }
  if (look === "pooling") {
    const kind = /max/i.test(name) ? "max" : "avg";
    return name.startsWith("global")
      ? { look, text: `${kind} all`, stride: 1 }
      : { look, text: `${kind} ${kernel}`, stride };
  }
  if (look === "meeting") return { look, text: meetings[name], stride: 1 };
  if (look === "norm") return { look, text: "norm", stride: 1 };
  if (look === "resize") return { look, text: "resize", stride: 1 };
  return { look, text: shape.length === 2 ? "linear" : name, stride: 1 };
}
