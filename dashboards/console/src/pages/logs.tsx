// Log search: words, a stream selector, counts over time, lines newest first.
import { type LogLine, useApi } from "../api";
import { count, time } from "../format";
import { Lines } from "../lines";
import { Field, Notice, RangePicker, useRange } from "../parts";
import { navigate, useLocation } from "../router";

interface Found {
  lines: LogLine[];
  cursor?: string | null;
}

interface Counts {
  counts: { start: string; count: number }[];
}

const BARS = 60;
const DAY_MS = 86_400_000;

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
  const { data } = found;
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
      {counts.data && !found.error && <Bars counts={counts.data.counts} startMs={range.startMs} endMs={range.endMs} />}
      {data?.lines.length === 0 && <Notice kind="empty">No such lines in this range.</Notice>}
      {data && data.lines.length > 0 && (
        <Lines lines={data.lines} loading={found.loading} withDate={range.endMs - range.startMs >= DAY_MS} />
      )}
      {data?.cursor && (
        <button onClick={() => navigate("/logs", { ...Object.fromEntries(params), cursor: data.cursor! })}>Older lines</button>
      )}
    </>
  );
}

function Bars(props: Counts & { startMs: number; endMs: number }) {
  const most = Math.max(1, ...props.counts.map(({ count }) => count));
  const total = props.counts.reduce((sum, { count }) => sum + count, 0);
  return (
    <figure class="histogram">
      <div class="bars">
        {props.counts.map((bar) => (
          <i
            key={bar.start}
            style={{ height: `${(bar.count / most) * 100}%` }}
            title={`${time(Number(bar.start) / 1e6)}: ${count(bar.count, "line")}`}
          />
        ))}
      </div>
      <figcaption>
        <span>{time(props.startMs)}</span>
        <b>{count(total, "line")}</b>
        <span>{time(props.endMs)}</span>
      </figcaption>
    </figure>
  );
}
