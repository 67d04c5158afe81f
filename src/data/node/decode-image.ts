/** Decodes picture files in Node with sharp (libvips), which is an optional dependency: loaded when a picture is read. */

import type { Sharp } from "sharp";
import { DatasetError, OptionError } from "../../tensor/errors.ts";
import type { ImageFit } from "../source.ts";

export interface DecodeOptions {
  /** Height of the result in pixels. */
  readonly height: number;
  /** Width of the result in pixels. */
  readonly width: number;
  /** 1 for grey, 3 for red, green, blue. */
  readonly channels: number;
  /** "crop" scales the shorter side and keeps the centre, "stretch" scales both sides. Default "crop". */
  readonly fit?: ImageFit;
  /** Share of the scaled picture's sides that "crop" keeps; 0.875 is the protocol of ImageNet (256 → 224). Default 1. */
  readonly cropFraction?: number;
}

/** A picture of more pixels is refused before it is decoded: 100 megapixels are 300 MB. */
const mostPixels = 100e6;

/**
 * The pixels of a picture (its bytes, or the path of its file), [height, width, channels].
 *
 * Orientation marks of cameras are followed, transparent parts become black. Throws a DatasetError that names the file.
 */
export async function decodeImage(picture: Uint8Array | string, options: DecodeOptions): Promise<Uint8Array> {
  const { height, width, channels, fit = "crop", cropFraction = 1 } = options;
  if (channels !== 1 && channels !== 3) {
    throw new OptionError(`Pictures are decoded to 1 or 3 channels, not ${channels}.`, { channels });
  }
  const file = typeof picture === "string" ? picture : "picture";
  const sharp = await loadSharp();
  try {
    // "error": truncated and broken files fail, while mere warnings (many real JPEGs have some) do not.
    let image: Sharp = sharp(picture, { failOn: "error", limitInputPixels: mostPixels }).autoOrient();
    image = image.flatten({ background: "black" });
    if (fit === "stretch") {
      image = image.resize(width, height, { fit: "fill", kernel: "linear" });
    } else {
      // One cut from the whole scaled picture, its offsets rounded once, as torchvision has it.
      const { autoOrient: whole } = await image.metadata();
      const wanted = [width, height].map((edge) => Math.round(edge / cropFraction));
      const factor = Math.max(wanted[0] / whole.width, wanted[1] / whole.height);
      const scaledW = Math.max(wanted[0], Math.floor(whole.width * factor));
      const scaledH = Math.max(wanted[1], Math.floor(whole.height * factor));
      image = image.resize(scaledW, scaledH, { fit: "fill", kernel: "linear" }).extract({
        left: (scaledW - width) >> 1,
        top: (scaledH - height) >> 1,
        width,
        height,
      });
    }
    const { data, info } = await image
      .toColourspace(channels === 1 ? "b-w" : "srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== channels || data.length !== height * width * channels) {
      throw new Error(`decoded to ${info.width}×${info.height} in ${info.channels} channels`);
    }
    return data;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DatasetError(`${file}: cannot be decoded as a picture (${reason}).`, { file }, { cause });
  }
}

let loaded: Promise<typeof import("sharp").default> | undefined;

function loadSharp(): Promise<typeof import("sharp").default> {
  loaded ??= import("sharp").then(
    (module) => module.default,
    (cause) => {
      throw new DatasetError(
        "Reading picture files needs the package sharp, which is not there or does not load. Install it: npm install sharp",
        {},
        { cause },
      );
    },
  );
  return loaded;
}
