// A trace as rows: who called whom, when, for how long. Pure, so that it is tested without a browser.
import type { Span, Trace } from "./api";
import { groupBy } from "./group";

export interface Row {
  span: Span;
  service: string;
  depth: number;
  /** Where the bar begins and how long it is, as shares of the whole trace. */
  left: number;
  width: number;
  error: boolean;
}

export function startOf(trace: Trace): number {
  return Math.min(...trace.spans.map((span) => span.startTime));
}

export function durationOf(trace: Trace): number {
  return Math.max(...trace.spans.map((span) => span.startTime + span.duration)) - startOf(trace);
}

export function isError(span: Span): boolean {
  return span.tags.some(({ key, value }) => key === "error" && (value === true || value === "true"));
}

/** Parents before children, siblings by start. A span whose parent is not here stands at the top. */
export function rows(trace: Trace): Row[] {
  const start = startOf(trace);
  const total = Math.max(1, durationOf(trace));
  const here = new Set(trace.spans.map((span) => span.spanID));
  const parentOf = (span: Span) => {
    const parent = span.references.find((r) => r.refType === "CHILD_OF" && r.traceID === span.traceID) ?? span.references.find((r) => r.traceID === span.traceID);
    return parent && parent.spanID !== span.spanID && here.has(parent.spanID) ? parent.spanID : "";
  };
  const children = groupBy(trace.spans, parentOf);
  const out: Row[] = [];
  const seen = new Set<Span>();
  const visit = (span: Span, depth: number) => {
    if (seen.has(span)) return;
    seen.add(span);
    out.push({
      span,
      service: trace.processes[span.processID]?.serviceName ?? "?",
      depth,
      left: (span.startTime - start) / total,
      width: span.duration / total,
      error: isError(span),
    });
    const below = [...(children.get(span.spanID) ?? [])].sort((a, b) => a.startTime - b.startTime);
    for (const child of below) visit(child, depth + 1);
  };
  for (const root of [...(children.get("") ?? [])].sort((a, b) => a.startTime - b.startTime)) visit(root, 0);
  // References that go in a circle have no top; their spans still show.
  for (const span of trace.spans) visit(span, 0);
  return out;
}
