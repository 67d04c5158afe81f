/** Shows a training as it runs: a bar with speed, loss and time left on a terminal, plain lines elsewhere. */

import type { TrainingEvent } from "../train/events.ts";
import type { Host } from "./host.ts";
import { bar, ProgressLine } from "./progress-line.ts";
import { formatCount, formatDuration, formatPercent } from "./table.ts";

/** Without a terminal there is a line an epoch, and one for every half minute in between. */
const plainEveryMs = 30_000;

/** Returns what the trainer tells its events. */
export function trainReporter(host: Host): (event: TrainingEvent) => void {
  const line = new ProgressLine(host);
  let began = host.clock();
  let saidAt = began;
  let stepsBefore = 0;
  let steps = 0; // of the whole training
  let epochs = 0;

  const timeLeft = (step: number) => {
    const done = step - stepsBefore;
    return done > 0 ? formatDuration(((host.clock() - began) / done) * (steps - step)) : "–";
  };
  const describe = (event: TrainingEvent & { kind: "step" }) => {
    const speed = event.imagesPerSecond === null ? "" : `${formatCount(event.imagesPerSecond)} images/s  `;
    return `${speed}loss ${event.meanLoss.toFixed(4)}  ${timeLeft(event.step)} left`;
  };

  return (event) => {
    switch (event.kind) {
      case "start": {
        began = host.clock();
        saidAt = began;
        epochs = event.epochs;
        steps = event.epochs * event.batches;
        stepsBefore = event.step;
        const from =
          event.step === 0
            ? ""
            : `, going on after step ${formatCount(event.step)} in epoch ${event.epoch + 1}`;
        const size = `${formatCount(event.images)} images, ${formatCount(event.batches)} steps an epoch`;
        line.print(
          `Training for ${event.epochs} ${event.epochs === 1 ? "epoch" : "epochs"}: ${size}${from}.`,
        );
        return;
      }
      case "step": {
        const epoch = `epoch ${event.epoch}/${epochs}`;
        line.draw(() => {
          const fraction = event.batch / event.batches;
          const percent = `${Math.floor(100 * fraction)} %`.padStart(5);
          return `${epoch} ${bar(fraction, 20)} ${percent}  ${describe(event)}`;
        });
        if (!host.isTerminal && host.clock() - saidAt >= plainEveryMs) {
          saidAt = host.clock();
          line.print(`${epoch} step ${event.batch}/${event.batches}  ${describe(event)}`);
        }
        return;
      }
      case "validate":
        line.draw(() => `epoch ${event.epoch}/${epochs} ${bar(event.images / event.of, 20)} validating`);
        return;
      case "epoch": {
        saidAt = host.clock();
        const parts = [`epoch ${event.epoch}/${event.epochs}`, `loss ${event.trainLoss.toFixed(4)}`];
        if (event.valTop1 !== null) {
          parts.push(
            `val loss ${event.valLoss?.toFixed(4) ?? "–"}`,
            `val top-1 ${formatPercent(event.valTop1)}`,
          );
        }
        if (event.imagesPerSecond !== null) parts.push(`${formatCount(event.imagesPerSecond)} images/s`);
        if (event.isBest) parts.push("best so far");
        line.print(parts.join("  "));
        return;
      }
      case "checkpoint":
        return; // one an epoch would be as many lines as there are epochs
    }
  };
}
