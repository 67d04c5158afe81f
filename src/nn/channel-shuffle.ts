/** Channels dealt out over groups, so that the groups of the next convolution see all of the last one. */

import { channelShuffle as channelShuffleOp } from "../ops/channel-shuffle.ts";
import { checkWhole } from "./options.ts";
import type { Layer } from "./scope.ts";

/** Channels seen as [groups, c/groups], with the two axes exchanged; one group gives x itself. x [n, h, w, c] → [n, h, w, c]. */
export function channelShuffle(groups: number): Layer {
  checkWhole("channelShuffle", "groups", groups);
  return (x) => (groups === 1 ? x : channelShuffleOp({ x }, { groups }));
}
