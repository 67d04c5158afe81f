import { describe, expect, it } from "vitest";
import * as nn from "../nn/index.ts";
import { inferenceMemory } from "./memory.ts";
import { modelNamed } from "./registry.ts";
import { summarize } from "./summary.ts";

describe("inferenceMemory", () => {
  it("counts weights once and buffers where they are most", () => {
    // 8×8×4 come in, three convolutions of the same size follow: two maps of 1 KiB live at a time, the third takes the first's place.
    const layer = () => nn.conv2d(4, 3, { padding: 1 });
    const network = nn.build(nn.sequential([layer(), layer(), layer(), nn.globalAvgPool2d()]), {
      input: [1, 8, 8, 4],
    });
    expect(inferenceMemory(network)).toEqual({ weightBytes: 4 * 448, workBytes: 2 * 4 * 8 * 8 * 4 });
  });

  it.each(["vgg16", "resnet50", "densenet121"])("of %s is a part of what all its layers keep", (name) => {
    const { build, input } = modelNamed(name);
    const network = nn.build(build(), { input: [1, ...input] });
    const { workBytes, weightBytes } = inferenceMemory(network);
    const { forwardBytes, parameters } = summarize(network).totals;
    expect(workBytes).toBeLessThan(forwardBytes / 2);
    expect(weightBytes).toBeGreaterThanOrEqual(4 * parameters);
    expect(weightBytes).toBeLessThan(4.2 * parameters);
  });
});
