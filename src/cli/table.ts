/** Rows of text as a table: columns aligned, numbers to the right. */

export interface Column {
  readonly title: string;
  /** Where the cells stand. Default "left". */
  readonly align?: "left" | "right";
}

/** The lines of a table, each ended by a newline; no line ends in spaces. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const titles = columns.map(({ title }) => title);
  const widths = titles.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (columns[i].align === "right" ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "─".repeat(width)).join("  ");
  return `${[line(titles), rule, ...rows.map(line)].join("\n")}\n`;
}

/** "1,234,567" */
export function formatCount(number: number): string {
  return Math.round(number).toLocaleString("en-US");
}

/** "97.53 %", or "–" for what was not measured. */
export function formatPercent(fraction: number | null): string {
  return fraction === null || Number.isNaN(fraction) ? "–" : `${(100 * fraction).toFixed(2)} %`;
}

/** "1.5 MiB": bytes as people compare them. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${bytes} B` : `${value.toFixed(1)} ${units[unit]}`;
}

/** "0:41", "12:07" or "1:02:09". */
export function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
