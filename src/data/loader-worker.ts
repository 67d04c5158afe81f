/** Entry of the loader's worker in a browser. */

import { openBlobs } from "./browser-images.ts";
import type { LoaderRequest } from "./worker-messages.ts";
import { serveLoader } from "./worker-service.ts";

/** The part of a worker's global scope that is used here; the types of the page and of the worker exclude each other. */
interface WorkerScope {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent<LoaderRequest>) => void): void;
}
const scope = globalThis as unknown as WorkerScope;

serveLoader(
  {
    post: (reply, transfer) => scope.postMessage(reply, transfer),
    listen: (hear) => scope.addEventListener("message", (event) => hear(event.data)),
  },
  (source) => (source.kind === "blobs" ? openBlobs(source) : undefined),
);
