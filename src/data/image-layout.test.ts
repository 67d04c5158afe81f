import { describe, expect, test } from "vitest";
import { DatasetError } from "../tensor/errors.ts";
import { arrangeFolder, isPictureName } from "./image-layout.ts";

describe("the layout of a folder of pictures", () => {
  test("is class by class, sorted by name whatever order the system lists", () => {
    const layout = arrangeFolder(["b/2.png", "a/9.png", "b/1.png", "a/10.png"], "x");
    expect(layout.classes).toEqual(["a", "b"]);
    expect(layout.splits).toEqual(["train"]);
    expect(layout.part("train").places).toEqual([3, 1, 2, 0]);
    expect([...layout.part("train").labels]).toEqual([0, 0, 1, 1]);
  });

  test("has parts under their usual names, and passes over what is neither part nor class", () => {
    const paths = [
      "training/a/1.png",
      "valid/a/1.png",
      "test/a/1.png",
      "preview/a/1.png",
      "test/unknown.png",
    ];
    const layout = arrangeFolder(paths, "x");
    expect(layout.splits).toEqual(["train", "validation", "test"]);
    expect(layout.part("test").places).toEqual([2]);
  });

  test("may have classes with the names of parts, or of anything else", () => {
    const layout = arrangeFolder(["train/1.png", "constructor/1.png", "test/1.png"], "vehicles");
    expect(layout.classes).toEqual(["constructor", "test", "train"]);
    expect(layout.splits).toEqual(["train"]);
  });

  test("without classes is refused", () => {
    for (const paths of [[], ["1.png"], ["train/1.png".slice(6)]]) {
      expect(() => arrangeFolder(paths, "x")).toThrow(DatasetError);
    }
  });

  test("takes pictures by their ending, in any case", () => {
    for (const name of ["a.png", "a.JPEG", "a.jpg", "a.b.webp", "a.TIF"])
      expect(isPictureName(name)).toBe(true);
    for (const name of ["a.txt", "png", ".a.png", "a.png.part"]) expect(isPictureName(name)).toBe(false);
  });
});
