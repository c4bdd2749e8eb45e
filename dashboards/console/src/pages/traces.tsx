// Trace search.
import { type Trace, useApi } from "../api";
import { count, micros, time } from "../format";
import { Field, Notice, RangePicker, useRange } from "../parts";
import { Link, useLocation } from "../router";
import { durationOf, isError, rows, startOf } from "../waterfall";

export function TracesPage() {
  const { params } = useLocation();
  const range = useRange();
  const services = useApi<string[]>("/api/services");
  const service = params.get("service") ?? services.data?.find((name) => name !== "masthead") ?? services.data?.[0] ?? "";
  const operations = useApi<string[]>(service ? `/api/services/${encodeURIComponent(service)}/operations` : null);
  const found = useApi<Trace[]>(service ? "/api/traces" : null, {
    service,
    operation: params.get("operation") ?? "",
    tags: tagsParam(params.get("tags") ?? ""),
    minDuration: params.get("min") ?? "",
    maxDuration: params.get("max") ?? "",
    start: String(Math.floor(range.startMs * 1000)),
    end: String(Math.ceil(range.endMs * 1000)),
    limit: "50",
  });
  const longest = Math.max(1, ...(found.data ?? []).map(durationOf));
  return (
    <>
      <h2>Traces</h2>
      <div class="toolbar">
        <Field name="service" label="Service" placeholder={service} list={services.data ?? []} />
        <Field name="operation" label="Operation" placeholder="any" list={operations.data ?? []} />
        <Field name="tags" label="Tags" placeholder="error=true http.status_code=500" wide />
        <Field name="min" label="Min duration" placeholder="100ms" />
        <Field name="max" label="Max duration" placeholder="2s" />
        <RangePicker {...range} />
      </div>
      {(services.error ?? found.error) && <Notice kind="error">{services.error ?? found.error}</Notice>}
      {services.data?.length === 0 && <Notice kind="empty">No spans yet. Send OTLP to port 4317 or 4318.</Notice>}
      {found.data?.length === 0 && <Notice kind="empty">No such traces in this range.</Notice>}
      <ul class="traces">
        {found.data?.map((trace) => (
          <TraceCard key={trace.traceID} trace={trace} longest={longest} />
        ))}
      </ul>
    </>
  );
}

/** `a=b c=d` as the JSON object that the search takes. */
export function tagsParam(text: string): string {
  const pairs = text.split(/\s+/).filter((pair) => pair.includes("="));
  if (pairs.length === 0) return "";
  return JSON.stringify(Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)])));
}

function TraceCard({ trace, longest }: { trace: Trace; longest: number }) {
  const root = rows(trace)[0];
  const services = new Set(trace.spans.map((span) => trace.processes[span.processID]?.serviceName ?? "?"));
  const errors = trace.spans.filter(isError).length;
  return (
    <li>
      <Link to={`/trace/${trace.traceID}`}>
        <b>
          {root?.service}: {root?.span.operationName}
        </b>
        <span class="number">{micros(durationOf(trace))}</span>
        <small>
          {time(startOf(trace) / 1000)} · {count(trace.spans.length, "span")} · {[...services].join(", ")}
          {errors > 0 && <em> · {count(errors, "error")}</em>}
        </small>
        <i class={errors > 0 ? "error" : ""} style={{ width: `${(durationOf(trace) / longest) * 100}%` }} />
      </Link>
    </li>
  );
}
