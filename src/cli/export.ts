/** `striate export`: writes the weights of a checkpoint for other programs, in the layout and under the names of PyTorch. */

import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import { type WritableTensor, writePyTorch, writeSafetensors, writeShards } from "../formats/index.ts";
import { readFileBytes, writeFileAtomic } from "../formats/node.ts";
import { OptionError } from "../tensor/index.ts";
import { dataKey, encodeData } from "../train/checkpoint.ts";
import { readWeights } from "../train/weights-file.ts";
import { shownNormalization } from "./convert.ts";
import { count } from "./flags.ts";
import type { Host } from "./host.ts";
import { formatCount } from "./table.ts";

interface ExportFlags {
  readonly out: string;
  readonly shardBytes?: number;
  readonly force?: boolean;
  readonly json?: boolean;
}

const indexName = ".safetensors.index.json";

export function addExport(program: Command, host: Host): void {
  program
    .command("export")
    .description(
      "Write weights for other programs: a state dict of PyTorch, or safetensors, whole or in shards.",
    )
    .argument(
      "<checkpoint>",
      "a file that `striate train` or `striate convert` wrote, or weights of another kind",
    )
    .requiredOption(
      "--out <file>",
      "x.pth for torch.load and load_state_dict, x.safetensors, or x.safetensors.index.json for shards beside it",
    )
    .option("--shard-bytes <n>", "most bytes of one shard (default: 5000000000)", count)
    .option("--force", "write over a file that is there")
    .option("--json", "write one JSON object")
    .action((path: string, flags: ExportFlags) => runExport(path, flags, host));
}

async function runExport(path: string, flags: ExportFlags, host: Host): Promise<void> {
  const { force, json, out, shardBytes } = flags;
  const form = formOf(out);
  if (shardBytes !== undefined && form !== "shards")
    throw new OptionError(`--shard-bytes is for shards: --out should end in ${indexName}, and is ${out}.`);
  if (resolve(out) === resolve(path)) throw new OptionError(`--out is ${path} itself. Name another file.`);
  if (!force && existsSync(out))
    throw new OptionError(`${out} is there already. Name another file with --out, or add --force.`);
  const neighbour = (name: string) => readFileBytes(join(dirname(path), name));
  const { tensors, data } = await readWeights(await readFileBytes(path), path, neighbour);
  // "pt": how transformers and others know the layout. The rest is for us: whose pictures these weights take.
  const metadata = new Map([["format", "pt"], ...(data ? [[dataKey, encodeData(data)] as const] : [])]);
  const files = await write(tensors, metadata, { out, form, shardBytes });
  const numbers = [...tensors.values()].reduce(
    (sum, { shape }) => sum + shape.reduce((product, extent) => product * extent, 1),
    0,
  );
  const normalization = data?.normalization ?? null;
  const result = { file: path, out, form, files, arrays: tensors.size, numbers, normalization };
  const lines = [
    `${formatCount(tensors.size)} arrays, ${formatCount(numbers)} numbers: ${files.join(", ")}`,
    ...(data ? [`pictures become inputs by ${shownNormalization(data.normalization)}`] : []),
  ];
  host.out(json ? `${JSON.stringify(result)}\n` : `${lines.join("\n")}\n`);
}

/** Writes and returns the files that were written. */
async function write(
  tensors: ReadonlyMap<string, WritableTensor>,
  metadata: ReadonlyMap<string, string>,
  {
    out,
    form,
    shardBytes,
  }: {
    readonly out: string;
    readonly form: ReturnType<typeof formOf>;
    readonly shardBytes: number | undefined;
  },
): Promise<string[]> {
  if (form === "shards") {
    const files: string[] = [];
    const options = {
      metadata,
      name: basename(out).slice(0, -indexName.length),
      ...(shardBytes === undefined ? {} : { shardBytes }),
    };
    await writeShards(
      tensors,
      async (name, bytes) => {
        files.push(join(dirname(out), name));
        await writeFileAtomic(files[files.length - 1], bytes);
      },
      options,
    );
    return files;
  }
  const bytes = form === "pytorch" ? writePyTorch(tensors) : writeSafetensors(tensors, metadata);
  await writeFileAtomic(out, bytes);
  return [out];
}

function formOf(out: string): "pytorch" | "safetensors" | "shards" {
  if (out.endsWith(indexName)) return "shards";
  if (out.endsWith(".safetensors")) return "safetensors";
  if (/\.(pth|pt|th)$/.test(out)) return "pytorch";
  throw new OptionError(
    `--out is ${out}; its ending says what is written: .pth, .safetensors or ${indexName}.`,
    { out },
  );
}
