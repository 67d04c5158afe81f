/**
 * The numbers are PyTorch 1.13's, recorded with
 *
 *   optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
 *   scheduler = StepLR(optimizer, 3, 0.1)                      # or as stated at each list
 *   for _ in range(n): rates.append(optimizer.param_groups[0]["lr"]); optimizer.step(); scheduler.step()
 *
 * PyTorch multiplies the rate again and again, we raise to a power: equal to the last few bits.
 */

import { describe, expect, test } from "vitest";
import { OptionError } from "../../tensor/index.ts";
import {
  initialScheduleState,
  parseSchedule,
  type Schedule,
  type SchedulePosition,
  warmupFactor,
} from "./index.ts";

const base = 0.1;

/** The rates of steps 0, 1, …, with one step an epoch unless stated. */
function rates(text: string, count: number, options: Partial<SchedulePosition> = {}): number[] {
  const schedule = parseSchedule(text);
  return Array.from({ length: count }, (_, step) => {
    const stepsPerEpoch = options.stepsPerEpoch ?? 1;
    const epoch = Math.floor(step / stepsPerEpoch);
    const at = { epochs: count, warmupEpochs: 0, ...options, step, epoch, stepsPerEpoch };
    return base * schedule.factor(at, initialScheduleState) * warmupFactor(at);
  });
}

function expectClose(actual: readonly number[], recorded: readonly number[]) {
  expect(actual).toHaveLength(recorded.length);
  for (const [i, rate] of actual.entries()) {
    expect(Math.abs(rate - recorded[i]), `${rate} at ${i}`).toBeLessThanOrEqual(1e-15);
  }
}

describe("schedules give PyTorch's rates:", () => {
  test("constant", () => expect(rates("constant", 3)).toEqual([0.1, 0.1, 0.1]));

  test("step, StepLR(3, 0.1)", () => {
    expectClose(rates("step:3:0.1", 10), [0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.001, 0.001, 0.001, 0.0001]);
  });

  test("multi-step, MultiStepLR([2, 5], 0.1)", () => {
    expectClose(rates("multistep:2,5:0.1", 8), [0.1, 0.1, 0.01, 0.01, 0.01, 0.001, 0.001, 0.001]);
  });

  test("exponential, ExponentialLR(0.95)", () => {
    const recorded = [0.1, 0.095, 0.09025, 0.0857375, 0.08145062499999998, 0.07737809374999999];
    expectClose(rates("exponential:0.95", 6), recorded);
  });

  // biome-ignore format: as printed
  test("cosine, CosineAnnealingLR(12)", () => {
    expectClose(rates("cosine", 12), [
      0.1, 0.09829629131445342, 0.09330127018922195, 0.08535533905932738, 0.07500000000000001, 0.06294095225512605,
      0.05000000000000001, 0.03705904774487397, 0.025000000000000015, 0.01464466094067263, 0.006698729810778066,
      0.0017037086855465904,
    ]);
  });

  test("cosine a step, not an epoch: 3 epochs of 4 steps are the 12 above", () => {
    expect(rates("cosine", 12, { stepsPerEpoch: 4, epochs: 3 })).toEqual(rates("cosine", 12));
  });

  // biome-ignore format: as printed
  test("warm-up then cosine, SequentialLR([LinearLR(0.01, total_iters=4), CosineAnnealingLR(8)], [4])", () => {
    expectClose(rates("cosine", 12, { warmupEpochs: 4 }), [
      0.001, 0.025750000000000002, 0.0505, 0.07525, 0.1, 0.09619397662556434, 0.08535533905932738, 0.0691341716182545,
      0.05, 0.030865828381745515, 0.014644660940672627, 0.0038060233744356634,
    ]);
  });

  test("warm-up and multi-step, ChainedScheduler([LinearLR(0.01, total_iters=4), MultiStepLR([2, 6], 0.1)])", () => {
    const recorded = [0.001, 0.025750000000000002, 0.00505, 0.007525, 0.01, 0.01, 0.001, 0.001];
    expectClose(rates("multistep:2,6:0.1", 8, { warmupEpochs: 4 }), recorded);
  });

  test("plateau, ReduceLROnPlateau(factor=0.1, patience=2) after each loss", () => {
    // biome-ignore format: rates stand under their losses
    const losses =   [1.0, 0.9, 0.91, 0.9, 0.89995, 0.8, 0.81, 0.82, 0.83, 0.7999, 0.84, 0.85, 0.79, 0.9, 0.9, 0.9, 0.9];
    // biome-ignore format: as above
    const recorded = [0.1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001, 0.0001, 0.0001];
    expectClose(ratesAfter(parseSchedule("plateau:0.1:2"), losses), recorded);
  });

  function ratesAfter(schedule: Schedule, losses: readonly number[]): number[] {
    let state = initialScheduleState;
    return losses.map((loss) => {
      state = schedule.afterEpoch?.(state, loss) ?? state;
      return (
        base * schedule.factor({ step: 0, epoch: 0, stepsPerEpoch: 1, epochs: 1, warmupEpochs: 0 }, state)
      );
    });
  }

  test("a loss that is not a number counts as an epoch without a fall", () => {
    expectClose(ratesAfter(parseSchedule("plateau:0.5:0"), [Number.NaN, 1, Number.NaN]), [0.05, 0.05, 0.025]);
  });
});

describe("schedules are named by text:", () => {
  test("the text of a schedule names it again", () => {
    for (const text of ["constant", "cosine", "step:10:0.1", "multistep:80,120:0.1", "exponential:0.95"]) {
      expect(parseSchedule(text).text).toBe(text);
    }
    expect(parseSchedule("step:30").text).toBe("step:30:0.1");
    expect(parseSchedule("plateau").text).toBe("plateau:0.1:10");
  });

  test("a name that is none lists all forms", () => {
    const listed =
      /"linear": there is none .* constant, cosine, step:EPOCHS.*multistep.*exponential.*plateau/;
    expect(() => parseSchedule("linear")).toThrow(listed);
    expect(() => parseSchedule("toString")).toThrow(OptionError);
  });

  test.each([
    "step",
    "step:0",
    "step:2:0",
    "step:2:1.5",
    "step:2:x",
    "step:2:0.1:3",
    "multistep",
    "multistep:",
    "cosine:3",
  ])('"%s" is refused with its form', (text) => expect(() => parseSchedule(text)).toThrow(/it is written/));
  test.each([
    "multistep:5,2",
    "multistep:5,5",
    "exponential",
    "exponential:-1",
    "plateau:0.1:x",
    "constant:1",
  ])('"%s" is refused with its form', (text) => expect(() => parseSchedule(text)).toThrow(OptionError));
});
