// Log search: words, a stream selector, counts over time, lines newest first.
import { useState } from "preact/hooks";
import { type LogLine, useApi } from "../api";
import { clock, time } from "../format";
import { Field, LabelList, Notice, RangePicker, useRange } from "../parts";
import { Link, navigate, useLocation } from "../router";

interface Found {
  lines: LogLine[];
  cursor?: string | null;
}

interface Counts {
  counts: { start: string; count: number }[];
}

const BARS = 60;

export function LogsPage() {
  const { params } = useLocation();
  const range = useRange();
  const search = {
    query: params.get("query") ?? "",
    text: params.get("text") ?? "",
    trace_id: params.get("trace_id") ?? "",
    start: (range.startMs / 1000).toFixed(3),
    end: (range.endMs / 1000).toFixed(3),
  };
  const found = useApi<Found>("/api/v1/logs/search", { ...search, limit: "200", cursor: params.get("cursor") ?? "" });
  const step = Math.max(1, Math.ceil((range.endMs - range.startMs) / 1000 / BARS));
  const counts = useApi<Counts>("/api/v1/logs/counts", { ...search, step: String(step) });
  return (
    <>
      <h2>Logs</h2>
      <div class="toolbar">
        <Field name="text" label="Words" placeholder="timeout payment" wide />
        <Field name="query" label="Selector" placeholder={'{service_name="shop"} |= "declined"'} wide />
        <Field name="trace_id" label="Trace" placeholder="any" />
        <RangePicker {...range} />
      </div>
      {found.error && <Notice kind="error">{found.error}</Notice>}
      {counts.data && <Bars counts={counts.data.counts} />}
      {found.data?.lines.length === 0 && <Notice kind="empty">No such lines in this range.</Notice>}
      <div class={`lines ${found.loading ? "loading" : ""}`} data-testid="lines">
        {found.data?.lines.map((line, i) => (
          <Line key={`${line.timestamp}/${i}`} line={line} />
        ))}
      </div>
      {found.data?.cursor && (
        <button onClick={() => navigate("/logs", { ...Object.fromEntries(params), cursor: found.data!.cursor! })}>Older lines</button>
      )}
    </>
  );
}

function Bars({ counts }: Counts) {
  const most = Math.max(1, ...counts.map(({ count }) => count));
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  return (
    <>
      <p class="aside">{total} lines</p>
      <div class="bars">
        {counts.map(({ start, count }) => (
          <i key={start} style={{ height: `${(count / most) * 100}%` }} title={`${time(Number(start) / 1e6)}: ${count}`} />
        ))}
      </div>
    </>
  );
}

function Line({ line }: { line: LogLine }) {
  const [open, setOpen] = useState(false);
  const level = (line.metadata.detected_level ?? line.metadata.severity_text ?? line.stream.level ?? "").toLowerCase();
  return (
    <div class={`line ${level}`}>
      <button onClick={() => setOpen(!open)}>
        <time>{clock(Number(line.timestamp) / 1e6)}</time>
        <b>{line.stream.service_name ?? line.stream.job ?? ""}</b> <span>{line.line}</span>
      </button>
      {open && (
        <div class="detail">
          <LabelList labels={line.stream} />
          <LabelList labels={line.metadata} />
          {line.trace_id && <Link to={`/trace/${line.trace_id}`}>Trace {line.trace_id}</Link>}
        </div>
      )}
    </div>
  );
}
