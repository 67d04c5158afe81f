/** Diagrams: what is drawn of a network, how it is arranged, and that every network of the zoo can be drawn. */

import { describe, expect, it } from "vitest";
import { modelNamed, models } from "../models/registry.ts";
import * as nn from "../nn/index.ts";
import { add } from "../ops/add.ts";
import type { Tensor } from "../ops/operation.ts";
import { diagram } from "./diagram.ts";
import { arrange, type Item } from "./diagram-layout.ts";
import { diagramNodes } from "./diagram-nodes.ts";

/** An arrangement in letters: what is in turn, [lanes | beside each other], name{block}×count. */
function shown(item: Item): string {
  switch (item.kind) {
    case "node":
      return item.node.text + (item.node.stride > 1 ? `/${item.node.stride}` : "");
    case "series":
      return item.items.map(shown).join(" ");
    case "parallel":
      return `[${item.lanes.map(shown).join(" | ")}]`;
    case "columns":
      return `<${item.columns.map((rows) => rows.map(shown).join(" | ")).join(" > ")}>`;
    case "block":
      return `${item.name}{${shown(item.item)}}${item.count > 1 ? `×${item.count}` : ""}`;
  }
}

const arranged = (model: nn.Layer<Tensor | nn.NamedTensors>, ...input: [number, number, number]) =>
  shown(arrange(diagramNodes(nn.build(model, { input: [1, ...input] }))));
const ofZoo = (name: string) => arranged(modelNamed(name).build(), ...modelNamed(name).input);

describe("the arrangement of a network", () => {
  it("is a row for a chain, without activations and reshaping", () => {
    expect(ofZoo("lenet5")).toBe("5×5 max 2×2/2 5×5 max 2×2/2 linear linear linear");
  });

  it("has lanes and a concatenation in an Inception module", () => {
    const modules = ofZoo("googlenet");
    expect(modules).toContain("inception3a{[1×1 | 1×1 3×3 | 1×1 5×5 | max 3×3 1×1] concat}");
    expect(modules.match(/inception\d.\{/g)).toHaveLength(9);
  });

  it("has shortcuts and each repeated block once in a ResNet", () => {
    expect(ofZoo("resnet50")).toBe(
      "7×7/2 max 3×3/2 layer1.0{[1×1 3×3 1×1 | 1×1] +} layer1.1 to 2{[ | 1×1 3×3 1×1] +}×2 " +
        "layer2.0{[1×1 3×3/2 1×1 | 1×1/2] +} layer2.1 to 3{[ | 1×1 3×3 1×1] +}×3 " +
        "layer3.0{[1×1 3×3/2 1×1 | 1×1/2] +} layer3.1 to 5{[ | 1×1 3×3 1×1] +}×5 " +
        "layer4.0{[1×1 3×3/2 1×1 | 1×1/2] +} layer4.1 to 2{[ | 1×1 3×3 1×1] +}×2 avg all linear",
    );
  });

  it("has the gate of squeeze and excitation beside what it scales", () => {
    expect(ofZoo("se-resnet50")).toContain("se_module{[ | avg all 1×1 1×1] ×}");
  });

  it("takes an activation that parts and meets again for an activation", () => {
    const hardSwish = nn.sequential({ conv: nn.conv2d(4, 3), act: nn.hardSwish(), last: nn.conv2d(4, 1) });
    expect(arranged(hardSwish, 8, 8, 3)).toBe("3×3 1×1");
  });

  it("joins layers that repeat in pairs, and leaves single ones as they are", () => {
    const pair = () => nn.sequential([nn.depthwiseConv2d(3, { padding: 1 }), nn.conv2d(8, 1)]);
    expect(arranged(nn.repeat(5, pair), 8, 8, 8)).toBe("{dw 3×3 1×1}×5");
    expect(
      arranged(
        nn.repeat(3, () => nn.conv2d(8, 1)),
        8,
        8,
        8,
      ),
    ).toBe("1×1 1×1 1×1");
  });

  it("puts what reads across lanes in columns, as in cells that read the two before", () => {
    const conv = (name: string, kernel: number, x: Parameters<nn.Layer>[0], scope: nn.Scope) =>
      scope.child(name, nn.conv2d(4, kernel, { padding: (kernel - 1) / 2 }), x);
    const crossed: nn.Layer = (x, scope) => {
      const a = conv("a", 1, x, scope);
      const b = conv("b", 3, x, scope);
      const c = add({ a, b }, {});
      const d = conv("d", 5, a, scope);
      return add({ a: c, b: d }, {});
    };
    expect(arranged(crossed, 8, 8, 4)).toBe("<1×1 | 3×3 > + | 5×5> +");
  });
});

describe("searched cells", () => {
  it("have lanes of separable convolutions, each pair of layers as one, and a name with the count of equal ones", () => {
    const cells = ofZoo("nasnet-a-mobile");
    expect(cells).toContain("cell_1 to cell_3{<1×1 | 1×1 > 2· sep 5×5 | 2· sep 3×3 |");
    expect(cells).toMatch(/> \+ \| \+ \| \+ \| \+ \| \+> concat\}×3 reduction_cell_0\{/);
  });

  it("show a shortcut over a short row that reads it twice", () => {
    // PolyNet's 2-way: x + F(x) + G(x), whose first sum reads x and whose second the other block.
    expect(ofZoo("polynet")).toMatch(/stage_a\.0 to 9\{<stage_a\.0\.blocks\{.*\} > \+> \+\}×10/);
  });
});

describe("the picture of a network", () => {
  it.each(models)(
    "of $name is an SVG with all that is drawn, and fits a screen's width",
    ({ name, input, build }) => {
      const network = nn.build(build(), { input: [1, ...input] });
      const svg = diagram(network, { title: name });
      const [, width, height] = /^<svg [^>]* width="(\d+)" height="(\d+)"/.exec(svg) ?? [];
      expect(Number(width)).toBeLessThanOrEqual(1400);
      expect(Number(height)).toBeLessThan(3400);
      expect(svg).toContain(`<title>${name}</title>`);
      expect(svg).not.toMatch(/NaN|undefined|Infinity/);
      expect(svg.match(/<g>/g)?.length).toBe(svg.match(/<\/g>/g)?.length);
      expect(svg.match(/<rect /g)?.length).toBeGreaterThan(3);
    },
  );

  it("draws edges and channels to scale, by their square roots", () => {
    const layers = nn.sequential({ a: nn.conv2d(64, 1), b: nn.conv2d(256, 1, { stride: 2 }) });
    const svg = diagram(nn.build(layers, { input: [1, 64, 64, 3] }));
    const boxes = [...svg.matchAll(/<rect x="[\d.]+" y="[\d.]+" width="([\d.]+)" height="([\d.]+)" rx="1"/g)];
    const [[w1, h1], [w2, h2]] = boxes.map(([, w, h]) => [Number(w), Number(h)]);
    expect(w2 / w1).toBeCloseTo(2, 1);
    expect((h1 / h2) ** 2).toBeCloseTo(2, 1);
  });

  it("writes names so that they are text", () => {
    const svg = diagram(nn.build(nn.conv2d(1, 1), { input: [1, 4, 4, 1] }), { title: '<b>&"' });
    expect(svg).toContain("<title>&#60;b&#62;&#38;&#34;</title>");
  });
});
