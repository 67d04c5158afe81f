import { expect, it } from "vitest";
import * as nn from "../nn/index.ts";
import { multiply } from "../ops/multiply.ts";
import { reshape } from "../ops/reshape.ts";
import { pad, slice } from "../ops/slice.ts";
import { receptiveFields } from "./receptive-field.ts";

/** The vertical field of each place of a model on an image of 16×16. */
function fieldsOf(model: nn.Layer, ...places: readonly string[]) {
  const network = nn.build(model, { input: [1, 16, 16, 3] });
  const fields = receptiveFields([network.outputs.logits], network.inputs.x);
  return places.map((place) => fields.get(network.tap(place))?.[0]);
}

it("grows by kernel, stride and dilation, and begins in the padding", () => {
  const model = nn.sequential({
    a: nn.conv2d(3, 3, { stride: 2, padding: 1 }),
    b: nn.conv2d(3, 3, { dilation: 2, padding: 2 }),
    c: nn.maxPool2d(2),
    d: nn.globalAvgPool2d(),
  });
  expect(fieldsOf(model, "a", "b", "c", "d")).toEqual([
    { size: 3, stride: 2, start: -1 },
    { size: 11, stride: 2, start: -5 },
    { size: 13, stride: 4, start: -5 },
    { size: 16, stride: 16, start: 0 },
  ]);
});

it("spans all paths that meet", () => {
  const valid = nn.sequential({ cut: nn.conv2d(3, 1, { padding: 0 }) });
  const model = nn.sequential({
    block: nn.branches({ narrow: valid, wide: nn.conv2d(3, 5, { padding: 2 }) }),
  });
  expect(fieldsOf(model, "block.narrow.cut", "block")).toEqual([
    { size: 1, stride: 1, start: 0 },
    { size: 5, stride: 1, start: -2 },
  ]);
});

it("moves with what is cut off or put around", () => {
  const cut: nn.Layer = (x) => slice({ x }, { axis: 1, from: 2, length: 13 });
  const padded: nn.Layer = (x) => pad({ x }, { before: [0, 3, 0, 0], after: [0, 0, 0, 0] });
  const model = nn.sequential({ a: nn.conv2d(3, 3, { padding: 1 }), cut, padded, b: nn.conv2d(3, 3) });
  expect(fieldsOf(nn.sequential({ cut, padded }), "cut", "padded")).toEqual([
    { size: 1, stride: 1, start: 2 },
    { size: 1, stride: 1, start: -1 },
  ]);
  expect(fieldsOf(model, "b")).toEqual([{ size: 5, stride: 1, start: -2 }]);
});

it("sees everything through a gate over the channels, and still moves with the places", () => {
  const gate: nn.Layer = (x, scope) => {
    const pooled = nn.globalAvgPool2d()(x, scope);
    const [n, c] = pooled.shape;
    return multiply({ a: x, b: reshape({ x: pooled }, { shape: [n, 1, 1, c] }) }, {});
  };
  expect(fieldsOf(nn.sequential({ conv: nn.conv2d(3, 3, { padding: 1 }), gate }), "gate")).toEqual([
    { size: 17, stride: 1, start: -1 },
  ]);
});
