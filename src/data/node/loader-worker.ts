/** Entry of the loader's worker in Node. */

import { parentPort } from "node:worker_threads";
import { serveLoader } from "../worker-service.ts";
import { FolderDataset } from "./folder-dataset.ts";

const port = parentPort;
if (!port) throw new Error("loader-worker.js runs on a worker thread only");

serveLoader(
  {
    post: (reply, transfer) => port.postMessage(reply, transfer),
    listen: (hear) => port.on("message", hear),
  },
  (source) => (source.kind === "folder" ? new FolderDataset(source) : undefined),
);
