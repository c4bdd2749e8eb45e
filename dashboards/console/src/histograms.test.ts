import { describe, expect, it } from "vitest";
import { bar, histogramLines } from "./histograms";

describe("histograms", () => {
  it("draws a line a bucket", () => {
    expect(
      histogramLines({
        count: "7",
        sum: "12.5",
        buckets: [
          [3, "-0.001", "0.001", "1"],
          [0, "0.5", "1", "4"],
          [1, "-2", "-1", "2"],
        ],
      }),
    ).toEqual([
      "count 7  sum 12.5",
      "[-0.001, 0.001] ██████                   1",
      "       (0.5, 1] ████████████████████████ 4",
      "       [-2, -1) ████████████             2",
    ]);
  });
  it("does without buckets", () => {
    expect(histogramLines({ count: "0", sum: "0" })).toEqual(["count 0  sum 0"]);
  });
  it("shows the smallest share, and eighths", () => {
    expect([0, 0.0001, 1 / 24 / 2, 2].map(bar)).toEqual(["", "▏", "▌", "█".repeat(24)]);
  });
});
