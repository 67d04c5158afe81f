/** Draws an effective receptive field: a map of heat over the image, what arithmetic says around it, and a cut through the middle. */

import type { EffectiveReceptiveField } from "./effective-receptive-field.ts";
import { encodePng } from "./png.ts";
import { fixed, line, text, textWidth, xml } from "./svg.ts";

/** The PNG of the values alone, a pixel of the image each. */
export function receptiveFieldPng({
  values,
  height,
  width,
}: EffectiveReceptiveField): Uint8Array<ArrayBuffer> {
  const pixels = new Uint8Array(3 * height * width);
  for (let i = 0; i < values.length; i++) pixels.set(heat(values[i]), 3 * i);
  return encodePng(pixels, height, width);
}

/** The SVG with frame, box and cut; `title` tells whose field it is. */
export function receptiveFieldSvg(field: EffectiveReceptiveField, title: string): string {
  const { at, box, edge, height, map, theoretical, width } = field;
  const zoom = Math.max(1, Math.round(448 / Math.max(height, width)));
  const [w, h] = [zoom * width, zoom * height];
  const [left, top] = [24, 84];
  const [boxTop, boxLeft, boxHeight, boxWidth] = box;
  const [vertical, horizontal] = theoretical;
  const facts = [
    `${at}, ${map.join("×")}: the middle place sees ${vertical.size}×${horizontal.size} pixels by arithmetic, step ${vertical.stride}`,
    `as many as ${edge.toFixed(0)}×${edge.toFixed(0)} pixels have more than 4.55 % of the greatest gradient`,
  ];
  const total = [
    Math.max(left + w + 24, 60 + Math.max(...facts.map((fact) => textWidth(fact, 12)))),
    top + h + 118,
  ];
  const [fullWidth, fullHeight] = total.map(Math.ceil);
  const png = base64(receptiveFieldPng(field));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${fullWidth}" height="${fullHeight}" viewBox="0 0 ${fullWidth} ${fullHeight}" font-family="Helvetica, Arial, sans-serif">`,
    `<title>${xml(`${title}, effective receptive field`)}</title>`,
    `<rect width="${fullWidth}" height="${fullHeight}" fill="#fff"/>`,
    text(left, 28, title, { size: 18, bold: true }),
    ...facts.map((fact, i) => text(left, 48 + 17 * i, fact, { size: 12, colour: "#555" })),
    `<image x="${left}" y="${top}" width="${w}" height="${h}" style="image-rendering:pixelated" href="data:image/png;base64,${png}"/>`,
    `<rect x="${left + zoom * boxLeft + 0.5}" y="${top + zoom * boxTop + 0.5}" width="${zoom * boxWidth - 1}" height="${zoom * boxHeight - 1}" fill="none" stroke="#fff" stroke-dasharray="5 4"/>`,
    `<rect x="${left}" y="${top}" width="${w}" height="${h}" fill="none" stroke="#999"/>`,
    cut(field, left, top + h + 16, w, 70),
    text(left, top + h + 106, "gradient along the row of the greatest value", { size: 10, colour: "#555" }),
    "</svg>\n",
  ].join("\n");
}

/** The values along the row that has the greatest, as a curve. */
function cut({ values, width }: EffectiveReceptiveField, x: number, y: number, w: number, h: number): string {
  const row = Math.floor(values.indexOf(1) / width);
  const points = Array.from({ length: width }, (_, j) => {
    const value = values[row * width + j];
    return `${fixed(x + ((j + 0.5) * w) / width)},${fixed(y + h * (1 - value))}`;
  });
  return [
    line([x, y + h], [x + w, y + h]),
    `<polyline points="${points.join(" ")}" fill="none" stroke="#c2410c" stroke-width="1.5"/>`,
  ].join("\n");
}

/** Black over red and yellow to white; the square root shows small values too. */
function heat(value: number): readonly [red: number, green: number, blue: number] {
  const level = 3 * Math.sqrt(value);
  const part = (from: number) => Math.round(255 * Math.min(1, Math.max(0, level - from)));
  return [part(0), part(1), part(2)];
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
