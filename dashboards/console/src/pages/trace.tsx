// One trace as a waterfall; a click on a span shows what is known of it, its log lines included.
import { useState } from "preact/hooks";
import { type LogLine, type Tag, type Trace, useApi } from "../api";
import { clock, micros, time } from "../format";
import { Notice } from "../parts";
import { Link, useLocation } from "../router";
import { type Row, durationOf, rows, startOf } from "../waterfall";

const COLOURS = ["#4fb3ff", "#ffb347", "#7bd88f", "#b69cff", "#f2e063", "#4fd8d0", "#ff9de2"];

export function TracePage() {
  const id = useLocation().path.split("/")[2] ?? "";
  const { data, error } = useApi<Trace[]>(`/api/traces/${encodeURIComponent(id)}`);
  const trace = data?.[0];
  return (
    <>
      <h2>
        <Link to="/traces">Traces</Link> / {id}
      </h2>
      {error && <Notice kind="error">{error}</Notice>}
      {trace && <Waterfall trace={trace} />}
    </>
  );
}

function Waterfall({ trace }: { trace: Trace }) {
  const [open, setOpen] = useState("");
  const all = rows(trace);
  const services = [...new Set(all.map((row) => row.service))];
  const colour = (service: string) => COLOURS[services.indexOf(service) % COLOURS.length];
  const start = startOf(trace);
  // Lines can be written a little before and after the spans they belong to.
  const lines = useApi<{ lines: LogLine[] }>("/api/v1/logs/search", {
    trace_id: trace.traceID,
    start: String(start / 1e6 - 60),
    end: String((start + durationOf(trace)) / 1e6 + 60),
    direction: "forward",
    limit: "500",
  });
  return (
    <>
      <p class="aside">
        {time(start / 1000)} · {micros(durationOf(trace))} · {trace.spans.length} spans · {services.join(", ")}
      </p>
      <div class="waterfall" data-testid="waterfall">
        {all.map((row) => (
          <div key={row.span.spanID} class={`span ${row.error ? "error" : ""}`}>
            <button onClick={() => setOpen(open === row.span.spanID ? "" : row.span.spanID)}>
              <span class="name" style={{ paddingLeft: `${row.depth * 18}px` }}>
                <i style={{ background: colour(row.service) }} />
                <b>{row.service}</b> {row.span.operationName}
              </span>
              <span class="track">
                <span
                  class="bar"
                  style={{ left: `${row.left * 100}%`, width: `max(2px, ${row.width * 100}%)`, background: colour(row.service) }}
                />
                <span class="took" style={row.left + row.width < 0.85 ? { left: `calc(${(row.left + row.width) * 100}% + 6px)` } : { right: `calc(${(1 - row.left) * 100}% + 6px)` }}>
                  {micros(row.span.duration)}
                </span>
              </span>
            </button>
            {open === row.span.spanID && <Detail trace={trace} row={row} lines={lines.data?.lines ?? []} />}
          </div>
        ))}
      </div>
      <h3>Log lines of this trace</h3>
      <Lines lines={lines.data?.lines ?? []} />
    </>
  );
}

function Detail({ trace, row, lines }: { trace: Trace; row: Row; lines: LogLine[] }) {
  const process = trace.processes[row.span.processID];
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
              <Link to={`/trace/${r.traceID}`}>
                {r.traceID === row.span.traceID ? "" : `${r.traceID} / `}
                {r.spanID}
              </Link>
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
      <Lines lines={lines.filter((line) => line.span_id === row.span.spanID)} />
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

function Lines({ lines }: { lines: LogLine[] }) {
  if (lines.length === 0) return <p class="aside">none</p>;
  return (
    <div class="lines">
      {lines.map((line, i) => (
        <div key={i} class="line">
          <time>{clock(Number(line.timestamp) / 1e6)}</time>
          <b>{line.stream.service_name ?? ""}</b> {line.line}
        </div>
      ))}
    </div>
  );
}
