import { describe, expect, it } from "vitest";
import { ago, axisTimes, count, durationMs, marks, micros, promDuration, seriesName, short } from "./format";

describe("format", () => {
  it("names series as PromQL writes them", () => {
    expect(seriesName({ __name__: "up" })).toBe("up");
    expect(seriesName({ __name__: "up", job: 'a"b' })).toBe('up{job="a\\"b"}');
    expect(seriesName({})).toBe("{}");
  });
  it("chooses the unit of a duration", () => {
    expect([950, 12_300, 1_500_000, 2_000].map(micros)).toEqual(["950µs", "12.3ms", "1.5s", "2ms"]);
  });
  it("shortens axis values", () => {
    expect([0, 0.25, 1500, 3e6, 0.00001].map(short)).toEqual(["0", "0.25", "1.5k", "3M", "1.0e-5"]);
  });
  it("reads durations and refuses what is none", () => {
    expect(durationMs("1h30m")).toBe(5_400_000);
    expect([durationMs("1x"), durationMs(""), durationMs("5")]).toEqual([null, null, null]);
  });
  it("marks a length of time at round places", () => {
    expect(marks(40_000, 5)).toEqual([0, 10_000, 20_000, 30_000, 40_000]);
    expect(marks(37, 5)).toEqual([0, 10, 20, 30]);
    expect(marks(0, 5)).toEqual([0]);
  });
  it("labels a time axis by the distance of its ticks", () => {
    const noon = new Date(2026, 10, 21, 12, 30, 15).getTime() / 1000;
    const midnight = new Date(2026, 10, 22).getTime() / 1000;
    expect(axisTimes([noon], 15)).toEqual(["12:30:15"]);
    expect(axisTimes([noon, midnight], 900)).toEqual(["12:30", "11-22"]);
    expect(axisTimes([noon], 86_400)).toEqual(["11-21"]);
  });
  it("writes durations of rules and counts of things", () => {
    expect([0, 15, 90, 600, 90_000].map(promDuration)).toEqual(["0s", "15s", "1m30s", "10m", "1d1h"]);
    expect([count(1, "span"), count(2, "span")]).toEqual(["1 span", "2 spans"]);
  });
  it("says how long ago", () => {
    expect(ago("2020-01-01T00:00:00Z", Date.parse("2020-01-01T00:03:10Z"))).toBe("3m ago");
    expect(ago("0001-01-01T00:00:00Z")).toBe("never");
  });
});
