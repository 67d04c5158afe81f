export { type DiagramOptions, diagram } from "./diagram.ts";
export {
  type EffectiveFieldOptions,
  type EffectiveReceptiveField,
  effectiveReceptiveField,
} from "./effective-receptive-field.ts";
export { encodePng } from "./png.ts";
export { receptiveFieldPng, receptiveFieldSvg } from "./receptive-field-picture.ts";
