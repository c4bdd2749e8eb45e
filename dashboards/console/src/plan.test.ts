import { describe, expect, it } from "vitest";
import { isFarOff, type PlanNode, planRows } from "./plan";

const leaf = (text: string, ownTime: number): PlanNode => ({ text, kind: "selector", ownTime, totalTime: ownTime });

describe("plan", () => {
  it("lists every part before what it is made of", () => {
    const root: PlanNode = {
      text: "sum(a) / sum(b)",
      kind: "binary",
      ownTime: 0.1,
      totalTime: 1,
      children: [
        { text: "sum(a)", kind: "aggregation", ownTime: 0.2, totalTime: 0.5, children: [leaf("a", 0.3)] },
        { text: "sum(b)", kind: "aggregation", ownTime: 0.2, totalTime: 0.4, children: [leaf("b", 0.2)] },
      ],
    };
    expect(planRows(root).map(({ node, depth, share }) => [node.text, depth, share])).toEqual([
      ["sum(a) / sum(b)", 0, 0.1],
      ["sum(a)", 1, 0.2],
      ["a", 2, 0.3],
      ["sum(b)", 1, 0.2],
      ["b", 2, 0.2],
    ]);
  });
  it("does without times", () => {
    expect(planRows({ text: "a", kind: "selector" })).toEqual([{ node: { text: "a", kind: "selector" }, depth: 0, share: 0 }]);
  });
  it("stands a tree deeper than calls may be", () => {
    let root = leaf("a", 1);
    for (let i = 0; i < 50_000; i++) root = { text: "(…)", kind: "paren", children: [root] };
    expect(planRows(root)).toHaveLength(50_001);
  });
  it("tells estimates that were far off", () => {
    const off = (estimatedSeries: number | null, series: number) => isFarOff({ text: "", kind: "", estimatedSeries, series });
    expect([off(5, 200), off(200, 5), off(10, 11), off(1, 20), off(null, 500)]).toEqual([true, true, false, false, false]);
  });
});
