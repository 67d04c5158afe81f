/**
 * Draws one digit as a hand would: a way of writing it is chosen, its points tremble, the whole is slanted, turned, scaled
 * and bent, and a pen of some width is drawn along it.
 *
 * The bending field is smooth, as the elastic distortions of Simard, Steinkraus and Platt, "Best practices for convolutional neural
 * networks", 2003; here it moves pen points instead of pixels, which costs almost nothing.
 */

import { RandomStream, randomBits } from "../tensor/random.ts";
import { handwritings } from "./digits-strokes.ts";

/** Side of the square image. */
export const digitSide = 28;

/** Pieces between two given points of a stroke: enough that the polygon does not show at 28 pixels. */
const pieces = 5;

/** Draws digit 0 … 9 to `target`, 28·28 bytes of ink (0 none, 255 full); the same key draws the same picture. */
export function drawDigit(digit: number, key: number, target: Uint8Array): void {
  const random = new RandomStream(key);
  const ways = handwritings[digit];
  const strokes = ways[random.integer(ways.length)];
  const place = placement(random);
  const tremble = random.between(1, 4.2);
  const radius = random.between(0.75, 1.75);
  // Pressure: the pen's width swells and shrinks along the way.
  const pressure = random.between(0, 0.28);
  const pressureWave = random.between(0.1, 0.5);
  const pressurePhase = random.between(0, 2 * Math.PI);
  const softness = random.between(0.8, 1.5);
  target.fill(0);
  let travelled = 0;
  for (const stroke of strokes) {
    const count = stroke.length / 2;
    const x = new Float64Array(count);
    const y = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      const [px, py] = place(
        stroke[2 * i] + tremble * random.normal(),
        stroke[2 * i + 1] + tremble * random.normal(),
      );
      x[i] = px;
      y[i] = py;
    }
    let fromX = x[0];
    let fromY = y[0];
    for (let i = 0; i + 1 < count; i++) {
      for (let piece = 1; piece <= pieces; piece++) {
        const toX = through(x, i, piece / pieces);
        const toY = through(y, i, piece / pieces);
        const swell = 1 + pressure * Math.sin(pressureWave * travelled + pressurePhase);
        inkSegment(target, fromX, fromY, toX, toY, radius * swell, softness);
        travelled += Math.hypot(toX - fromX, toY - fromY);
        fromX = toX;
        fromY = toY;
      }
    }
  }
  addGrain(target, key, random.between(0, 26));
}

/** A map from the box of 100 × 100 to pixels: bend, scale, slant, turn, move. */
function placement(random: RandomStream): (x: number, y: number) => readonly [number, number] {
  const height = random.between(17, 22.5);
  const width = height * random.between(0.55, 0.92);
  const slant = 0.14 + 0.17 * random.normal();
  const angle = 0.1 * random.normal();
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const centreX = digitSide / 2 + random.between(-1.6, 1.6);
  const centreY = digitSide / 2 + random.between(-1.6, 1.6);
  const bend = random.between(0.01, 0.075);
  const waves = Array.from({ length: 4 }, () => ({
    alongX: random.between(-5, 5),
    alongY: random.between(-5, 5),
    phase: random.between(0, 2 * Math.PI),
  }));
  const wave = (k: number, x: number, y: number) =>
    bend * Math.sin(waves[k].alongX * x + waves[k].alongY * y + waves[k].phase);
  return (boxX, boxY) => {
    const u = boxX / 100 - 0.5;
    const v = boxY / 100 - 0.5;
    const bentX = (u + wave(0, u, v) + wave(1, u, v)) * width;
    const bentY = (v + wave(2, u, v) + wave(3, u, v)) * height;
    const slantedX = bentX - slant * bentY;
    return [centreX + cos * slantedX - sin * bentY, centreY + sin * slantedX + cos * bentY];
  };
}

/** The curve through points i and i + 1 at time t in 0 … 1 (Catmull and Rom, 1974; end points are doubled). */
function through(p: Float64Array, i: number, t: number): number {
  const before = p[Math.max(0, i - 1)];
  const a = p[i];
  const b = p[i + 1];
  const after = p[Math.min(p.length - 1, i + 2)];
  return (
    a + 0.5 * t * (b - before + t * (2 * before - 5 * a + 4 * b - after + t * (3 * (a - b) + after - before)))
  );
}

/** Inks pixels near the segment: full inside `radius`, fading over `softness` pixels; where strokes meet the darker wins. */
function inkSegment(
  target: Uint8Array,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
  radius: number,
  softness: number,
): void {
  const reach = radius + softness / 2;
  const top = Math.max(0, Math.ceil(Math.min(y0, y1) - reach));
  const bottom = Math.min(digitSide - 1, Math.floor(Math.max(y0, y1) + reach));
  const left = Math.max(0, Math.ceil(Math.min(x0, x1) - reach));
  const right = Math.min(digitSide - 1, Math.floor(Math.max(x0, x1) + reach));
  const dx = x1 - x0;
  const dy = y1 - y0;
  // A segment of no length is a dot.
  const perLength = 1 / Math.max(dx * dx + dy * dy, 1e-9);
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const along = Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) * perLength));
      const offX = x - x0 - along * dx;
      const offY = y - y0 - along * dy;
      const distance = Math.sqrt(offX * offX + offY * offY);
      const ink = Math.min(1, (reach - distance) / softness);
      const at = y * digitSide + x;
      const value = 255 * ink;
      if (value > target[at]) target[at] = value;
    }
  }
}

/** Adds noise of up to ± `strength` to ink, and a trace of it to the paper. */
function addGrain(target: Uint8Array, key: number, strength: number): void {
  for (let i = 0; i < target.length; i += 4) {
    // One draw gives four pixels a byte each; counters from 2^20 on are free of the stream's own.
    let bits = randomBits(key, 0x100000 + i);
    for (let k = i; k < i + 4; k++) {
      const noise = ((bits & 255) / 127.5 - 1) * strength;
      bits >>>= 8;
      const value = target[k] + (target[k] > 0 ? noise : 0.5 * noise);
      target[k] = Math.max(0, Math.min(255, value));
    }
  }
}
