// @ts-check
/** A case's results as a table for people and as CSV rows for the record. */

import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { median } from "./measure.js";
import { flopPerImage, nets } from "./nets.js";

/** @typedef {import("./measure.js").Measurement} Measurement */
/** @typedef {import("./contestants.js").Contestant} Contestant */
/** @typedef {{ net: string, mode: "train" | "infer", batch: number, threads: number }} Case */
/** @typedef {{ contestant: Contestant, rounds: readonly Measurement[] }} Entry */

/**
 * Figures of each contestant: medians over its rounds. The ratio is the median of the ratios within a round, so that a
 * machine that slows down during the run does not decide it.
 * @param {Case} of
 * @param {readonly Entry[]} entries
 * @param {import("./peak.js").Peak | undefined} peak
 */
export function figures(of, entries, peak) {
  const reference = entries.find(({ contestant }) => contestant.name === "PyTorch")?.rounds;
  return entries.map(({ contestant, rounds }) => {
    const rates = rounds.map(({ imagesPerSecond }) => imagesPerSecond);
    const imagesPerSecond = median(rates);
    const ratios = rates.flatMap((rate, i) => (reference?.[i] ? [rate / reference[i].imagesPerSecond] : []));
    const gflops = (imagesPerSecond * flopPerImage(nets[of.net], of.mode)) / 1e9;
    const limit = contestant.is128 ? peak?.at128 : peak?.wide;
    return {
      name: contestant.name,
      version: rounds[0].version,
      rounds: rounds.length,
      imagesPerSecond,
      slowest: Math.min(...rates),
      fastest: Math.max(...rates),
      ratio: ratios.length ? median(ratios) : undefined,
      gflops,
      ofPeak: peak && gflops / peak.wide,
      ofLimit: limit && gflops / limit,
      msPerStep: median(rounds.map((round) => round.msPerStep)),
      peakRssBytes: median(rounds.map((round) => round.peakRssBytes)),
    };
  });
}

/** @typedef {ReturnType<typeof figures>[number]} Figures */

/**
 * @param {Case} of
 * @param {readonly Figures[]} rows
 */
export function formatTable(of, rows) {
  const head = ["", "images/s", "(rounds)", "× PyTorch", "GFLOP/s", "of peak", "of 128-bit peak", "peak MiB"];
  const body = rows.map((row) => [
    row.name,
    short(row.imagesPerSecond),
    `${short(row.slowest)}–${short(row.fastest)}`,
    row.ratio === undefined ? "" : row.ratio.toFixed(2),
    short(row.gflops),
    percent(row.ofPeak),
    row.ofLimit === row.ofPeak ? "" : percent(row.ofLimit),
    (row.peakRssBytes / 2 ** 20).toFixed(0),
  ]);
  const widths = head.map((title, column) =>
    Math.max(title.length, ...body.map((row) => row[column].length)),
  );
  const line = (/** @type {readonly string[]} */ cells) =>
    cells.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join("  ");
  const title = `${of.net}, ${of.mode}, batch ${of.batch}, ${of.threads} thread${of.threads > 1 ? "s" : ""}`;
  return [title, line(head), ...body.map(line)].join("\n");
}

const columns =
  "date,commit,machine,node,net,mode,batch,threads,contestant,version,rounds,imagesPerSecond,slowest,fastest," +
  "ratioToPyTorch,gflops,peakGflops,peakGflops128,shareOfPeak,msPerStep,peakRssBytes";

/**
 * Appends one row a contestant to `file`, which gets its head when it is new.
 * @param {string} file
 * @param {Case} of
 * @param {readonly Figures[]} rows
 * @param {import("./peak.js").Peak | undefined} peak
 */
export function appendCsv(file, of, rows, peak) {
  mkdirSync(path.dirname(file), { recursive: true });
  if (!existsSync(file)) appendFileSync(file, `${columns}\n`);
  for (const row of rows) {
    const cells = [
      ...[new Date().toISOString(), commit(), machine(), process.version],
      ...[of.net, of.mode, of.batch, of.threads, row.name, row.version, row.rounds],
      ...[row.imagesPerSecond, row.slowest, row.fastest, row.ratio, row.gflops, peak?.wide, peak?.at128],
      ...[row.ofPeak, row.msPerStep, row.peakRssBytes],
    ];
    appendFileSync(file, `${cells.map(cell).join(",")}\n`);
  }
}

/** @param {string | number | undefined} value */
function cell(value) {
  if (typeof value === "number") return String(Number(value.toPrecision(6)));
  return /[",\n]/.test(value ?? "") ? `"${value?.replaceAll('"', '""')}"` : (value ?? "");
}

/** Short hash of the commit, with + when files differ from it. */
function commit() {
  try {
    const git = (/** @type {string[]} */ ...words) =>
      execFileSync("git", words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    return git("rev-parse", "--short", "HEAD") + (git("status", "--porcelain", "-uno") ? "+" : "");
  } catch {
    return "";
  }
}

export function machine() {
  const cores = os.cpus();
  return `${cores[0]?.model.trim()}, ${cores.length} cores, ${os.platform()} ${os.arch()}`;
}

/** @param {number} x */
const short = (x) => (x >= 1000 ? x.toFixed(0) : x.toPrecision(3));

/** @param {number | undefined} x */
const percent = (x) => (x === undefined ? "" : `${(100 * x).toFixed(x < 0.1 ? 1 : 0)} %`);
