import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { forAll } from "../../test/shapes.ts";
import { phases, slides, type WindowOptions } from "./window.ts";

const extent = (input: number, options: WindowOptions) => slides(input, input, options)[0].output;

describe("sliding windows", () => {
  it("have the extents of the guide to convolution arithmetic", () => {
    expect(extent(227, { kernel: 11, stride: 4 })).toBe(55);
    expect(extent(224, { kernel: 7, stride: 2, padding: 3 })).toBe(112);
    expect(extent(7, { kernel: 3, dilation: 3 })).toBe(1);
    expect(extent(8, { kernel: 3, stride: 2 })).toBe(3);
    expect(extent(8, { kernel: 3, stride: 2, rounding: "ceil" })).toBe(4);
  });

  it("start inside the image or the padding before it, also when rounded up", () => {
    expect(extent(4, { kernel: 2, stride: 3, rounding: "ceil" })).toBe(2);
    expect(extent(3, { kernel: 1, stride: 3, padding: 1, rounding: "ceil" })).toBe(2);
  });

  it("pad for ⌈input / stride⌉ places where padding is the same, an odd zero last", () => {
    const [slide] = slides(6, 6, { kernel: 3, stride: 2, padding: "same" });
    expect([slide.output, slide.before, slide.after]).toEqual([3, 0, 1]);
    forAll(
      fc.tuple(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 4 }),
      ),
      ([input, kernel, stride]) =>
        expect(extent(input, { kernel, stride, padding: "same" })).toBe(Math.ceil(input / stride)),
      40,
    );
  });

  it("are found again from each place they hold, phase by phase", () => {
    const drawn = fc.record({
      input: fc.integer({ min: 5, max: 9 }),
      kernel: fc.integer({ min: 1, max: 4 }),
      stride: fc.integer({ min: 1, max: 4 }),
      dilation: fc.integer({ min: 1, max: 2 }),
      padding: fc.integer({ min: 0, max: 2 }),
    });
    forAll(
      drawn,
      ({ input, ...options }) => {
        fc.pre(input + 2 * options.padding > options.dilation * (options.kernel - 1));
        const [slide] = slides(input, input, options);
        const forwards = new Set<string>();
        for (let p = 0; p < slide.output; p++)
          for (let r = 0; r < slide.kernel; r++) {
            const at = p * slide.stride + r * slide.dilation - slide.before;
            if (at >= 0 && at < input) forwards.add([at, p, r].join());
          }
        const backwards: string[] = [];
        for (const { phase, extent: places, taps, first, step, tapFirst, tapStep } of phases(slide))
          for (let i = 0; i < places; i++)
            for (let t = 0; t < taps; t++) {
              const p = i + first + step * t;
              if (p >= 0 && p < slide.output)
                backwards.push([phase + slide.stride * i, p, tapFirst + tapStep * t].join());
            }
        expect(backwards.length).toBe(forwards.size);
        expect(new Set(backwards)).toEqual(forwards);
      },
      60,
    );
  });

  it("are refused where they do not fit", () => {
    expect(() => extent(2, { kernel: 3 })).toThrow(
      "a kernel of 3 with dilation 1 spans 3 places, more than the 2 of the input with 0 + 0 of padding.",
    );
    expect(() => extent(2, { kernel: 1.5 })).toThrow(
      "kernel is 1.5, but must be a whole number of at least 1.",
    );
  });
});
