import { describe, expect, it } from "vitest";
import { ago, durationMs, micros, seriesName, short } from "./format";

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
  it("says how long ago", () => {
    expect(ago("2020-01-01T00:00:00Z", Date.parse("2020-01-01T00:03:10Z"))).toBe("3m ago");
    expect(ago("0001-01-01T00:00:00Z")).toBe("never");
  });
});
