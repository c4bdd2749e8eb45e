import { describe, expect, it } from "vitest";
import type { Span, Trace } from "./api";
import { durationOf, rows } from "./waterfall";

function span(spanID: string, parent: string, startTime: number, duration: number): Span {
  const references = parent ? [{ refType: "CHILD_OF" as const, traceID: "t", spanID: parent }] : [];
  return { traceID: "t", spanID, operationName: spanID, references, startTime, duration, tags: [], logs: [], processID: "p1" };
}

function trace(...spans: Span[]): Trace {
  return { traceID: "t", spans, processes: { p1: { serviceName: "shop", tags: [] } } };
}

describe("waterfall", () => {
  it("puts parents before children and siblings in order of start", () => {
    const found = rows(trace(span("late", "root", 60, 40), span("root", "", 0, 100), span("early", "root", 10, 20), span("leaf", "early", 15, 5)));
    expect(found.map((row) => [row.span.spanID, row.depth])).toEqual([["root", 0], ["early", 1], ["leaf", 2], ["late", 1]]);
    expect(found.map((row) => [row.left, row.width])).toEqual([[0, 1], [0.1, 0.2], [0.15, 0.05], [0.6, 0.4]]);
  });
  it("shows spans whose parent is missing, is themselves, or goes in a circle", () => {
    const found = rows(trace(span("orphan", "gone", 0, 1), span("self", "self", 1, 1), span("a", "b", 2, 1), span("b", "a", 3, 1)));
    expect(found.map((row) => row.span.spanID).sort()).toEqual(["a", "b", "orphan", "self"]);
  });
  it("lasts from the first start to the last end", () => {
    expect(durationOf(trace(span("a", "", 100, 10), span("b", "a", 105, 50)))).toBe(55);
  });
});
