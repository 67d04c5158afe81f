import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          // Files of one worker share the modules they import: to load them anew for each takes longer than most tests do.
          isolate: false,
          include: [
            "src/**/*.test.ts",
            "bench/*.test.js",
            "test/*.test.ts",
            "test/conformance/**/*.test.ts",
            "test/golden/**/*.test.ts",
          ],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "long",
          include: ["test/long/**/*.test.ts"],
          testTimeout: 1_200_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: "full",
          include: ["test/full/**/*.test.ts"],
          testTimeout: 1_200_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
