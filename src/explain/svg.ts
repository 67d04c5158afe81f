/** Pieces of SVG: lines, texts, and how wide a text is. */

export interface TextStyle {
  /** Pixels. */
  readonly size: number;
  /** Which part of the text stands at x. Default "start". */
  readonly anchor?: "start" | "middle" | "end";
  /** Default "#222". */
  readonly colour?: string;
  readonly bold?: boolean;
}

export function text(x: number, y: number, content: string, style: TextStyle): string {
  const { size, anchor = "start", colour = "#222", bold = false } = style;
  const weight = bold ? ' font-weight="bold"' : "";
  const place = anchor === "start" ? "" : ` text-anchor="${anchor}"`;
  return `<text x="${fixed(x)}" y="${fixed(y)}" font-size="${size}"${place}${weight} fill="${colour}">${xml(content)}</text>`;
}

export function line([x, y]: readonly [number, number], [toX, toY]: readonly [number, number]): string {
  if (x === toX && y === toY) return "";
  return `<path d="M${fixed(x)} ${fixed(y)}L${fixed(toX)} ${fixed(toY)}" stroke="#888"/>`;
}

/** As wide as the widest of the usual sans-serif fonts draws it, DejaVu Sans: there is no font here to ask. */
export function textWidth(content: string, size: number): number {
  const width = (letter: string) =>
    /[ .,:ijl/|()]/.test(letter) ? 0.34 : /[mwMW×÷%]/.test(letter) ? 0.9 : 0.62;
  return [...content].reduce((sum, letter) => sum + width(letter), 0) * size;
}

/** Two decimals at most. */
export function fixed(value: number): string {
  return `${Math.round(100 * value) / 100}`;
}

export function xml(content: string): string {
  return content.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
