/**
 * Renders sums over many places of products of channels with channels: gradients of 1×1 filters and of filters in Winograd's
 * form, products with a transposed matrix. Rows of the result lie side by side in A, as columns do in B.
 *
 * A tile steps from place to place, thousands of numbers on; where that is a multiple of 4 KiB its cache lines take each other's
 * room, and few of their numbers are used before they go (10 GFLOP/s of 45). So a task takes some places at a time, copies the
 * rows and columns that it has of them to memory of its own, in panels as tiles read them, and adds what they give to sums
 * that stay in the L2 cache.
 *
 * Filters of more taps than one are as many such sums, where an image has few places and the filter many numbers: made image by
 * image as a direct sum is, all sums would be read for each (33 GFLOP/s of 98 where two threads have 72).
 */

import { edgesFilled } from "../edges.ts";
import { type Axis, extentOf, index } from "../index-expression.ts";
import { type Layout, linearIndex } from "../layout.ts";
import { type Contraction, mergeRuns, type Read, type Run } from "../schedule-contraction.ts";
import type { FunctionBuilder, Local } from "./assembler.ts";
import { addTerms } from "./box.ts";
import { type TileShape, widestTile } from "./column-groups.ts";
import { renderNest } from "./nest.ts";
import { finishSums, placeSums } from "./partial-sums.ts";
import { type Launch, type Target, threadBuffer } from "./target.ts";
import { renderTile } from "./tile.ts";
import { enoughTasks } from "./tile-loops.ts";

/** Places that are copied at a time: a tile's lines of A, and its panel of B, fit into the L1 cache. */
const mostPlaces = 128;
/** Rows and columns of a task: its sums and both copies fit into the L2 cache. */
const mostRows = 128;
const mostColumns = 384;
/** Shorter sums are not worth it. */
const leastPlaces = 64;
/** Sums that the L2 cache does not hold, and places for which to read them costs much. */
const manySums = 256 * 1024;
const fewPlaces = 400;
/** What the chunks of a sum may take together. */
const chunkBytes = 8 * 1024 * 1024;

/** The launches, or undefined where the contraction has another form. */
export function renderLongSums(target: Target, c: Contraction, layout: Layout): Launch[] | undefined {
  const [asItLies, inB] = [c.a, c.b].map(({ at, operand }) => linearIndex(at, target.layoutOf(operand)));
  const m = c.m.findLast((each) => asItLies.factorOf(each) === 1);
  if (m === undefined || inB.factorOf(c.n) !== 1) return undefined;
  if (extentOf(c.k) < leastPlaces || m.extent < 12 || c.n.extent < 12) return undefined;
  // Each tap of a filter is a sum of its own.
  const taps = c.m.filter((each) => each !== m);
  if (taps.length > 0 && !areReadOften(c)) return undefined;
  const filled = edgesFilled(c.a);
  const a = filled?.read ?? c.a;
  const inA = filled === undefined ? asItLies : linearIndex(a.at, target.place(a.operand));
  const places = mergeRuns(c.k, [(each) => inA.factorOf(each), (each) => inB.factorOf(each)]);
  const whole = { ...c, a, m: [m], batch: [...c.batch, ...taps] };
  const launches = new LongSumsRenderer(target, whole, layout, m, places).render();
  if (filled === undefined) return launches;
  const { part, operand } = filled;
  target.readsBeyond(part);
  return [renderNest(target, [{ part, layout: target.layoutOf(operand) }]), ...launches];
}

/**
 * Whether the sums of a filter's gradient, were they made image by image (`contraction.ts`), would come from beyond the L2 cache for few places
 * of an image each time.
 */
function areReadOften(c: Contraction): boolean {
  const images = c.k.filter((each) => c.a.at[0].factorOf(each) !== 0);
  return extentOf([...c.m, c.n]) > manySums && extentOf(c.k) / extentOf(images) < fewPlaces;
}

/** Equal stretches of an extent, but for the last. */
interface Shares {
  readonly each: number;
  readonly last: number;
  readonly count: number;
}

function sharesOf(extent: number, most: number, multiple: number): Shares {
  const each = Math.min(
    extent,
    Math.ceil(Math.ceil(extent / Math.ceil(extent / most)) / multiple) * multiple,
  );
  const count = Math.ceil(extent / each);
  return { each, last: extent - (count - 1) * each, count };
}

/** Bytes of a cache line. */
const lineBytes = 64;

/** Copied numbers of all places, in panels as wide as a tile is high or broad: place behind place. */
interface PanelCopy {
  readonly width: number;
  readonly count: number;
  /** Bytes from one panel to the next: a line more than it has, so that panels do not collide in the L1 cache. */
  readonly pitch: number;
}

function panelCopy(numbers: number, width: number, bytes: number): PanelCopy {
  const count = Math.ceil(numbers / width);
  const pitch = Math.ceil((bytes * mostPlaces * width) / lineBytes + 1) * lineBytes;
  return { width, count, pitch };
}

class LongSumsRenderer {
  private readonly target: Target;
  private readonly c: Contraction;
  private readonly layout: Layout;
  private readonly places: readonly Run[];
  private readonly rows: Shares;
  private readonly columns: Shares;
  private readonly ofA: PanelCopy;
  private readonly ofB: PanelCopy;
  private readonly tileShape: TileShape;
  private readonly tiles = new Map<string, number>();

  constructor(target: Target, c: Contraction, layout: Layout, m: Axis, places: readonly Run[]) {
    this.target = target;
    this.c = c;
    this.layout = layout;
    this.places = places;
    const { lanes, bytes } = target.numbers;
    this.tileShape = widestTile(target.vectors);
    const { vectors, rows } = this.tileShape;
    this.rows = sharesOf(m.extent, mostRows, rows);
    this.columns = sharesOf(c.n.extent, mostColumns, vectors * lanes);
    const height = Math.ceil(this.rows.each / Math.ceil(this.rows.each / rows));
    this.ofA = panelCopy(this.rows.each, height, bytes);
    this.ofB = panelCopy(this.columns.each, vectors * lanes, bytes);
  }

  render(): Launch[] {
    const { target, c, rows, columns } = this;
    const { bytes, lanes } = target.numbers;
    const [m] = c.m;
    const axes = [...c.batch, m, c.n];
    const strides = [Math.ceil(c.n.extent / lanes) * lanes, 1];
    for (const each of [m, ...c.batch.toReversed()]) strides.unshift(strides[0] * each.extent);
    const length = extentOf(this.places);
    const batches = extentOf(c.batch);
    const beside = batches * rows.count * columns.count;
    const most = Math.min(
      Math.ceil(enoughTasks / beside),
      Math.max(1, Math.floor(chunkBytes / (bytes * strides[0]))),
      Math.ceil(length / mostPlaces),
    );
    const perChunk = Math.ceil(length / most);
    const chunks = Math.ceil(length / perChunk);
    const inPlace = linearIndex(c.part.at, this.layout);
    // A whole sum that nothing stands around is added up where it belongs.
    const sums =
      chunks === 1 && c.part.value === c.sum && this.layout.buffer !== threadBuffer
        ? undefined
        : placeSums(target, chunks, axes, strides);
    const address = sums?.address ?? target.address({ ...this.layout, offset: 0 }) + bytes * inPlace.constant;
    const written =
      sums === undefined
        ? inPlace
        : axes.reduce((total, each, i) => total.plus(index(each).times(strides[i + 1])), index(0));
    const width = written.factorOf(m);

    const f = target.kernel();
    const rest = f.local("i32");
    f.get(f.parameter(0)).set(rest);
    const take = (extent: number): Local => {
      const local = f.local("i32");
      f.get(rest).i32(extent).op("i32.rem_u").set(local);
      f.get(rest).i32(extent).op("i32.div_u").set(rest);
      return local;
    };
    const [column, row, chunk] = [columns.count, rows.count, chunks].map(take);
    const variables = new Map(c.batch.toReversed().map((each) => [each, take(each.extent)]));
    const copyBytesA = this.ofA.count * this.ofA.pitch;
    const copyBytes = copyBytesA + this.ofB.count * this.ofB.pitch;
    const [copyOfA, copyOfB, out] = [0, 1, 2].map(() => f.local("i32"));
    const copies = target.perThread(copyBytes);
    f.get(f.parameter(1)).i32(copyBytes).op("i32.mul").i32(copies).op("i32.add").tee(copyOfA);
    f.i32(copyBytesA).op("i32.add").set(copyOfB);
    f.get(row).i32(rows.each).op("i32.mul").set(row);
    f.get(column).i32(columns.each).op("i32.mul").set(column);
    f.i32(address);
    addTerms(f, written, variables, bytes);
    f.get(chunk)
      .i32(bytes * strides[0])
      .op("i32.mul", "i32.add");
    f.get(row)
      .i32(bytes * width)
      .op("i32.mul", "i32.add");
    f.get(column).i32(bytes).op("i32.mul", "i32.add").set(out);

    const [at, end, count] = [0, 1, 2].map(() => f.local("i32"));
    f.get(chunk).i32(perChunk).op("i32.mul").tee(at).i32(perChunk).op("i32.add").set(end);
    f.get(end).i32(length).get(end).i32(length).op("i32.lt_s", "select").set(end);
    this.clear(f, out, row, column, width);
    f.loop(() => {
      f.get(end).get(at).op("i32.sub").set(count);
      f.get(count).i32(mostPlaces).get(count).i32(mostPlaces).op("i32.lt_s", "select").set(count);
      this.copy(f, {
        read: c.a,
        which: 0,
        first: row,
        panels: this.ofA,
        to: copyOfA,
        at,
        count,
        variables,
      });
      this.copy(f, {
        read: c.b,
        which: 1,
        first: column,
        panels: this.ofB,
        to: copyOfB,
        at,
        count,
        variables,
      });
      this.forEachSize(f, row, column, (height, breadth) =>
        f
          .get(copyOfA)
          .get(copyOfB)
          .get(out)
          .get(count)
          .call(this.block(f.name, height, breadth, width)),
      );
      f.get(at).get(count).op("i32.add").tee(at).get(end).op("i32.lt_s");
    });
    const added = { name: f.name, index: target.module.add(f), tasks: beside * chunks };
    return sums === undefined ? [added] : [added, finishSums(target, c, this.layout, sums.operand, axes)];
  }

  /** What `body` emits for the rows and columns that the task has: all alike, or fewer in the last shares. */
  private forEachSize(
    f: FunctionBuilder,
    row: Local,
    column: Local,
    body: (rows: number, columns: number) => void,
  ): void {
    const along = ({ each, last, count }: Shares, first: Local, inside: (extent: number) => void) => {
      if (last === each) inside(each);
      else {
        f.get(first)
          .i32((count - 1) * each)
          .op("i32.eq");
        f.if(
          () => inside(last),
          () => inside(each),
        );
      }
    };
    along(this.rows, row, (height) => along(this.columns, column, (breadth) => body(height, breadth)));
  }

  private clear(f: FunctionBuilder, out: Local, row: Local, column: Local, width: number): void {
    const { bytes } = f.numbers;
    const [to, left] = [f.local("i32"), f.local("i32")];
    this.forEachSize(f, row, column, (height, breadth) => {
      f.get(out).set(to).i32(height).set(left);
      f.loop(() => {
        f.get(to)
          .i32(0)
          .i32(bytes * breadth)
          .memoryFill();
        f.get(to)
          .i32(bytes * width)
          .op("i32.add")
          .set(to);
        f.get(left).i32(1).op("i32.sub").tee(left);
      });
    });
    f.release(to, left);
  }

  /** Copies what a task has of `count` places from place `at` on; numbers beyond its share are copied in vain. */
  private copy(
    f: FunctionBuilder,
    {
      read,
      which,
      first,
      panels: { width, count: panels, pitch },
      to,
      at,
      count,
      variables,
    }: {
      readonly read: Read;
      /** 0 for A, 1 for B. */
      readonly which: number;
      readonly first: Local;
      readonly panels: PanelCopy;
      readonly to: Local;
      readonly at: Local;
      readonly count: Local;
      readonly variables: ReadonlyMap<Axis, Local>;
    },
  ): void {
    const { target } = this;
    const { bytes, lanes } = f.numbers;
    const layout = target.layoutOf(read.operand);
    const linear = linearIndex(read.at, layout);
    target.slackBytes = Math.max(target.slackBytes, bytes * width * panels + lineBytes);
    const [start, from, into, place, rest] = [0, 1, 2, 3, 4].map(() => f.local("i32"));
    f.i32(target.address({ ...layout, offset: 0 }) + bytes * linear.constant);
    addTerms(f, linear, variables, bytes);
    target.addThread(f, layout);
    f.get(first).i32(bytes).op("i32.mul", "i32.add").set(start);
    f.get(to).set(into).i32(0).set(place);
    const value = f.local("v128");
    f.loop(() => {
      f.get(at).get(place).op("i32.add").set(rest);
      f.get(start);
      for (const [i, run] of this.places.toReversed().entries()) {
        f.get(rest);
        if (i < this.places.length - 1) {
          f.i32(run.extent).op("i32.rem_u");
          f.get(rest).i32(run.extent).op("i32.div_u").set(rest);
        }
        f.i32(bytes * run.factors[which]).op("i32.mul", "i32.add");
      }
      f.set(from);
      for (let panel = 0; panel < panels; panel++)
        // Vectors that overlap where a panel is not of whole ones.
        for (let j = 0; j < width; j += lanes) {
          const number = bytes * Math.min(j, width - lanes);
          f.get(from)
            .memory("v128.load", bytes * panel * width + number)
            .set(value);
          f.get(into)
            .get(value)
            .memory("v128.store", panel * pitch + number);
        }
      f.get(into)
        .i32(bytes * width)
        .op("i32.add")
        .set(into);
      f.get(place).i32(1).op("i32.add").tee(place).get(count).op("i32.lt_s");
    });
    f.release(start, from, into, place, rest, value);
  }

  /** A function (a, b, sums, places) that adds the products of copied rows and columns to sums. */
  private block(name: string, rows: number, columns: number, width: number): number {
    const f = this.target.helper(`${name}_${rows}x${columns}`, 4);
    const { bytes } = f.numbers;
    const [a, b, out, count] = [0, 1, 2, 3].map((i) => f.parameter(i));
    const [aAt, outAt] = [f.local("i32"), f.local("i32")];
    const move = (local: Local, by: number) => f.get(local).i32(by).op("i32.add").set(local);
    const times = (tiles: number, body: () => void) => {
      const left = f.local("i32");
      if (tiles > 0) {
        f.i32(tiles).set(left);
        f.loop(() => {
          body();
          f.get(left).i32(1).op("i32.sub").tee(left);
        });
      }
      f.release(left);
    };
    const { ofA, ofB } = this;
    const along = (extent: number, size: number, body: (size: number) => void) => {
      times(Math.floor(extent / size), () => body(size));
      if (extent % size > 0) body(extent % size);
    };
    along(columns, ofB.width, (lanes) => {
      f.get(a).set(aAt).get(out).set(outAt);
      along(rows, ofA.width, (height) => {
        f.get(aAt)
          .get(b)
          .get(outAt)
          .get(count)
          .call(this.tile(name, height, lanes, width));
        move(aAt, ofA.pitch);
        move(outAt, bytes * ofA.width * width);
      });
      move(b, ofB.pitch);
      move(out, bytes * ofB.width);
    });
    return this.target.module.add(f);
  }

  private tile(name: string, rows: number, lanes: number, width: number): number {
    const key = `${rows}x${lanes}`;
    let tile = this.tiles.get(key);
    if (tile === undefined) {
      tile = renderTile(this.target, this.c, {
        name: `${name}_tile${key}`,
        rows,
        lanes,
        vectors: this.tileShape.vectors,
        rowFactors: [1, width],
        steps: { a: this.ofA.width, b: this.ofB.width, table: 0 },
        reads: [],
        accumulates: true,
        bare: true,
        parking: false,
      });
      this.tiles.set(key, tile);
    }
    return tile;
  }
}
