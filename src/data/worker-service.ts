/** The worker's side of a loader: opens the set it is told of and prepares the batches it is asked for, one after the other. */

import { openSource, type PlatformOpener } from "./open-source.ts";
import { type Preparer, preparer } from "./prepare.ts";
import { type LoaderReply, type LoaderRequest, toFailure } from "./worker-messages.ts";

/** The worker's end of the wire. */
export interface WorkerPort {
  post(reply: LoaderReply, transfer: ArrayBuffer[]): void;
  listen(hear: (request: LoaderRequest) => void): void;
}

export function serveLoader(port: WorkerPort, platform: PlatformOpener): void {
  let prepare: Preparer | undefined;
  // Requests wait for each other, so that the batch that is needed first is ready first.
  let queue: Promise<void> = Promise.resolve();

  const open = ({ source, preparation }: Extract<LoaderRequest, { type: "open" }>) => {
    try {
      prepare = preparer(openSource(source, platform), preparation);
      port.post({ type: "opened" }, []);
    } catch (error) {
      port.post({ type: "failed", failure: toFailure(error) }, []);
    }
  };

  const serve = async ({ ticket, indices, epoch, memory }: Extract<LoaderRequest, { type: "prepare" }>) => {
    try {
      if (!prepare) throw new Error("the data set was not opened");
      const { images, labels } = await prepare(indices, epoch, memory);
      // Both lie in ArrayBuffers of their own: the preparer made them so.
      const transfer = [images.buffer as ArrayBuffer, labels.buffer as ArrayBuffer];
      port.post({ type: "batch", ticket, images, labels }, transfer);
    } catch (error) {
      port.post({ type: "failed", ticket, failure: toFailure(error) }, []);
    }
  };

  port.listen((request) => {
    if (request.type === "open") open(request);
    else queue = queue.then(() => serve(request));
  });
  port.post({ type: "started" }, []);
}
