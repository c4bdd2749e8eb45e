// One trace as a waterfall; a click on a span shows what is known of it, its log lines included.
import { useState } from "preact/hooks";
import { type LogLine, type Tag, type Trace, useApi } from "../api";
import { count, marks, micros, time } from "../format";
import { Lines } from "../lines";
import { Notice } from "../parts";
import { Link, useLocation } from "../router";
import { type Row, durationOf, rows, startOf } from "../waterfall";

const COLOURS = ["#4fb3ff", "#ffb347", "#7bd88f", "#b69cff", "#f2e063", "#4fd8d0", "#ff9de2"];

/** More marks than these on the ruler run into each other. */
const MARKS = 6;

export function TracePage() {
  const id = useLocation().path.split("/")[2] ?? "";
  const { data, error } = useApi<Trace[]>(`/api/traces/${encodeURIComponent(id)}`);
  const trace = data?.[0];
  const root = trace && rows(trace)[0];
  return (
    <>
      <h2>
        <Link to="/traces">Traces</Link> / {root ? `${root.service}: ${root.span.operationName}` : id}
      </h2>
      {error && <Notice kind="error">{error}</Notice>}
      {trace && <Waterfall key={trace.traceID} trace={trace} />}
    </>
  );
}

function Waterfall({ trace }: { trace: Trace }) {
  const [open, setOpen] = useState("");
  const all = rows(trace);
  const services = [...new Set(all.map((row) => row.service))];
  const colour = (service: string) => COLOURS[services.indexOf(service) % COLOURS.length]!;
  const start = startOf(trace);
  const total = durationOf(trace);
  // Lines can be written a little before and after the spans they belong to.
  const loaded = useApi<{ lines: LogLine[] }>("/api/v1/logs/search", {
    trace_id: trace.traceID,
    start: (start / 1e6 - 60).toFixed(3),
    end: ((start + total) / 1e6 + 60).toFixed(3),
    direction: "forward",
    limit: "500",
  });
  const lines = loaded.data?.lines ?? [];
  return (
    <>
      <p class="aside facts">
        <span>{time(start / 1000)}</span>
        <span>{micros(total)}</span>
        <span>{count(trace.spans.length, "span")}</span>
        {services.map((service) => (
          <span key={service} class="service">
            <i style={{ background: colour(service) }} />
            {service}
          </span>
        ))}
        <code>{trace.traceID}</code>
      </p>
      <div class="waterfall" data-testid="waterfall">
        <Ruler total={total} />
        {all.map((row) => (
          <div key={row.span.spanID} class={`span ${row.error ? "error" : ""}`}>
            <button onClick={() => setOpen(open === row.span.spanID ? "" : row.span.spanID)}>
              <span class="name" style={{ paddingLeft: `${row.depth * 18}px` }}>
                <i style={{ background: colour(row.service) }} />
                <b>{row.service}</b> {row.span.operationName}
              </span>
              <Bar row={row} colour={colour(row.service)} />
            </button>
            {open === row.span.spanID && <Detail trace={trace} row={row} lines={lines} />}
          </div>
        ))}
      </div>
      <h3>Log lines of this trace</h3>
      {loaded.error && <Notice kind="error">{loaded.error}</Notice>}
      {loaded.data && lines.length === 0 && <p class="aside">none</p>}
      {lines.length > 0 && <Lines lines={lines} withoutTrace />}
    </>
  );
}

function Ruler({ total }: { total: number }) {
  return (
    <div class="ruler">
      <span class="name" />
      <span class="track">
        {marks(total, MARKS).map((at) => (
          <span key={at} style={{ left: `${(at / Math.max(1, total)) * 100}%` }} class={at > total * 0.93 ? "last" : ""}>
            {at === 0 ? "0" : micros(at)}
          </span>
        ))}
      </span>
    </div>
  );
}

/** The duration stands behind the bar, before it where there is no room behind, within it where there is none at all. */
function Bar({ row, colour }: { row: Row; colour: string }) {
  const end = row.left + row.width;
  const place =
    end < 0.88
      ? { left: `calc(${end * 100}% + 6px)` }
      : row.left > 0.12
        ? { right: `calc(${(1 - row.left) * 100}% + 6px)` }
        : { left: `calc(${row.left * 100}% + 8px)` };
  const within = end >= 0.88 && row.left <= 0.12;
  return (
    <span class="track">
      <span class="bar" style={{ left: `${row.left * 100}%`, width: `max(2px, ${row.width * 100}%)`, background: colour }} />
      <span class={`took ${within ? "within" : ""}`} style={place}>
        {micros(row.span.duration)}
      </span>
    </span>
  );
}

function Detail({ trace, row, lines }: { trace: Trace; row: Row; lines: LogLine[] }) {
  const process = trace.processes[row.span.processID];
  const own = lines.filter((line) => line.span_id === row.span.spanID);
  return (
    <div class="detail">
      <Tags title="Tags" tags={row.span.tags} />
      <Tags title="Process" tags={process?.tags ?? []} />
      {row.span.references.length > 0 && (
        <dl>
          <dt>References</dt>
          {row.span.references.map((r) => (
            <dd key={r.spanID}>
              {r.refType}{" "}
              {r.traceID === row.span.traceID ? <code>{r.spanID}</code> : <Link to={`/trace/${r.traceID}`}>{`${r.traceID} / ${r.spanID}`}</Link>}
            </dd>
          ))}
        </dl>
      )}
      {row.span.logs.map((log, i) => (
        <Tags key={i} title={`+${micros(log.timestamp - startOf(trace))}`} tags={log.fields} />
      ))}
      {row.span.warnings?.map((text) => (
        <Notice key={text} kind="warning">
          {text}
        </Notice>
      ))}
      {own.length > 0 && <Lines lines={own} withoutTrace />}
    </div>
  );
}

function Tags({ title, tags }: { title: string; tags: Tag[] }) {
  if (tags.length === 0) return null;
  return (
    <dl>
      <dt>{title}</dt>
      {tags.map(({ key, value }, i) => (
        <dd key={i}>
          {key}=<b>{String(value)}</b>
        </dd>
      ))}
    </dl>
  );
}
