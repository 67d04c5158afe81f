// @ts-check
/** A case's results as a table for people and as CSV rows for the record. */

import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { median } from "./measure.js";

/** @typedef {import("./turns.js").Case} Case */
/** @typedef {import("./turns.js").Entry} Entry */
/** @typedef {import("./peak.js").Peak} Peak */

/**
 * Figures of each contestant: medians over its rounds. A ratio is the median of the ratios within a round, so that a machine that
 * slows down during the run does not decide it. Contestants without a round have no figures.
 * @param {Case} of
 * @param {readonly Entry[]} entries
 * @param {Peak | undefined} peak
 */
export function figures(of, entries, peak) {
  const rates = (/** @type {Entry} */ { rounds }) =>
    rounds.map(({ msPerStep }) => (of.batch / msPerStep) * 1000);
  const done = entries.filter(({ rounds }) => rounds.length > 0);
  const torch = done.find(({ contestant }) => contestant.id === "torch");
  const peers = done.filter(({ contestant }) => !contestant.isOurs);
  const best = peers.reduce(
    (/** @type {Entry | undefined} */ fastest, each) =>
      fastest === undefined || median(rates(each)) > median(rates(fastest)) ? each : fastest,
    undefined,
  );
  const ratio = (/** @type {Entry} */ entry, /** @type {Entry | undefined} */ other) => {
    if (other === undefined) return undefined;
    const others = rates(other);
    const ratios = rates(entry).flatMap((rate, i) => (others[i] === undefined ? [] : [rate / others[i]]));
    return ratios.length > 0 ? median(ratios) : undefined;
  };
  return entries.map((entry) => {
    const { contestant, version, threads, distance, rounds, peakRssBytes, failure } = entry;
    const named = {
      name: contestant.name,
      version,
      threads,
      distance,
      rounds: rounds.length,
      peakRssBytes,
      failure,
    };
    if (rounds.length === 0) return { ...named, measured: undefined };
    const each = rates(entry);
    const imagesPerSecond = median(each);
    const gflops = (imagesPerSecond * of.flop) / of.batch / 1e9;
    const limit = contestant.is128 ? peak?.at128 : peak?.wide;
    const measured = {
      imagesPerSecond,
      slowest: Math.min(...each),
      fastest: Math.max(...each),
      msPerStep: median(rounds.map(({ msPerStep }) => msPerStep)),
      toTorch: ratio(entry, torch),
      toBestPeer: ratio(entry, best),
      gflops,
      ofPeak: peak && gflops / peak.wide,
      ofLimit: limit && gflops / limit,
    };
    return { ...named, measured };
  });
}

/** @typedef {ReturnType<typeof figures>[number]} Figures */

/**
 * @param {Case} of
 * @param {readonly Figures[]} rows
 */
export function formatTable(of, rows) {
  // biome-ignore format: one row
  const head = ["", "images/s", "(rounds)", "× PyTorch", "× best peer", "GFLOP/s", "of peak", "of 128-bit peak", "peak MiB", "differs by"];
  const body = rows.flatMap(({ name, measured, peakRssBytes, distance }) => {
    if (measured === undefined) return [];
    const { imagesPerSecond, slowest, fastest, toTorch, toBestPeer, gflops, ofPeak, ofLimit } = measured;
    // biome-ignore format: one row
    return [[
      name, short(imagesPerSecond), `${short(slowest)}–${short(fastest)}`, times(toTorch), times(toBestPeer), short(gflops),
      percent(ofPeak), ofLimit === ofPeak ? "" : percent(ofLimit), (peakRssBytes / 2 ** 20).toFixed(0),
      distance === 0 ? "" : distance.toExponential(0),
    ]];
  });
  const title = `${of.net}, ${of.mode}, batch ${of.batch}, ${of.threads} thread${of.threads > 1 ? "s" : ""}`;
  return [title, ...alignColumns([head, ...body])].join("\n");
}

/**
 * The first column to the left, the others to the right.
 * @param {readonly (readonly string[])[]} rows
 */
export function alignColumns(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join("  "),
  );
}

/** The head of nets.csv. */
export const netColumns = [
  ...[
    "net",
    "mode",
    "batch",
    "threads",
    "contestant",
    "version",
    "rounds",
    "imagesPerSecond",
    "slowest",
    "fastest",
  ],
  ...[
    "ratioToPyTorch",
    "ratioToBestPeer",
    "gflops",
    "peakGflops",
    "peakGflops128",
    "shareOfPeak",
    "msPerStep",
  ],
  ...["peakRssBytes", "distance", "failure"],
];

/**
 * Cells for `netColumns`, a row a contestant, also of those that have no result.
 * @param {Case} of
 * @param {readonly Figures[]} rows
 * @param {Peak | undefined} peak
 */
export function netCells(of, rows, peak) {
  return rows.map(({ name, version, threads, rounds, measured, peakRssBytes, distance, failure }) => [
    ...[of.net, of.mode, of.batch, threads || of.threads, name, version, rounds],
    ...[
      measured?.imagesPerSecond,
      measured?.slowest,
      measured?.fastest,
      measured?.toTorch,
      measured?.toBestPeer,
    ],
    ...[measured?.gflops, peak?.wide, peak?.at128, measured?.ofPeak, measured?.msPerStep],
    ...[measured && peakRssBytes, measured && distance, failure],
  ]);
}

/** @typedef {readonly (string | number | undefined)[]} Cells */

/** A CSV file that rows are added to; each begins with date, commit, machine and Node. */
export class Csv {
  /**
   * Throws where the file is there and has other columns.
   * @param {string} file
   * @param {readonly string[]} columns
   */
  constructor(file, columns) {
    this.file = file;
    const head = ["date", "commit", "machine", "node", ...columns].join(",");
    if (!existsSync(file)) {
      mkdirSync(path.dirname(file), { recursive: true });
      appendFileSync(file, `${head}\n`);
    }
    const came = readFileSync(file, "utf8").split("\n")[0];
    if (came !== head)
      throw new Error(`${file} has columns ${came}, but ${head} are written now. Move it away.`);
    this.commit = commit();
  }

  /** @param {readonly Cells[]} rows */
  append(rows) {
    const about = [new Date().toISOString(), this.commit, machine(), process.version];
    for (const row of rows) appendFileSync(this.file, `${[...about, ...row].map(cell).join(",")}\n`);
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

/** Threads that wait for each other suffer most from company: on a loaded machine PyTorch can lose most of its speed. */
export function warningsOfLoad() {
  const [load] = os.loadavg();
  return load > 0.5
    ? [`Other programs run here (load ${load.toFixed(2)}): figures and ratios are not to be trusted.`]
    : [];
}

/** @param {number} x */
export const short = (x) => (x >= 1000 ? x.toFixed(0) : x.toPrecision(3));

/** @param {number | undefined} x */
export const percent = (x) => (x === undefined ? "" : `${(100 * x).toFixed(x < 0.1 ? 1 : 0)} %`);

/** @param {number | undefined} x */
const times = (x) => (x === undefined ? "" : x.toFixed(2));
