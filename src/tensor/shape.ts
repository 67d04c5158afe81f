/** Shapes: extents of a dense array, outermost axis first. Images are [n, h, w, c], filters [r, s, c, k]. */

export type Shape = readonly number[];

/** Number of elements; 1 for a scalar, whose shape is []. */
export function size(shape: Shape): number {
  let product = 1;
  for (const extent of shape) product *= extent;
  return product;
}

/** Distance in elements between neighbours along each axis of a contiguous array. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** "[128, 28, 28, 1]", as error messages and tables print a shape. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}
