import { describe, expect, it } from "vitest";
import { placed, placeOf } from "./places";

describe("places", () => {
  it("takes the place from a warning", () => {
    const { text, place } = placed('PromQL info: metric might not be a counter: "a" (1:11)', "sum(rate( a[5m]))");
    expect(text).toBe('PromQL info: metric might not be a counter: "a"');
    expect(place).toEqual({ before: "sum(rate( ", marked: "a", after: "[5m]))" });
  });
  it("takes the place from an error", () => {
    const { text, place } = placed('invalid parameter "query": 2:3: parse error: unexpected <by>', "sum(a)\n  by by");
    expect(text).toBe("parse error: unexpected <by>");
    expect(place).toEqual({ before: "  ", marked: "by", after: " by" });
  });
  it("leaves messages without a place, or with one elsewhere, as they are", () => {
    for (const message of ["query timed out", "found (see 1:2)", "w (7:1)", "w (1:9)", "w (1:0)"]) {
      expect(placed(message, "up")).toEqual({ text: message });
    }
  });
  it("counts columns in bytes", () => {
    expect(placeOf('{"grüße"} + x', 1, 14)).toEqual({ before: '{"grüße"} +', marked: " ", after: "x" });
    expect(placeOf('{"grüße"} + x', 1, 15)).toEqual({ before: '{"grüße"} + ', marked: "x", after: "" });
    expect(placeOf('{"a\\"b"}', 1, 2)?.marked).toBe('"a\\"b"');
  });
  it("marks nothing at the end", () => {
    expect(placeOf("up +", 1, 5)).toEqual({ before: "up +", marked: "", after: "" });
  });
});
