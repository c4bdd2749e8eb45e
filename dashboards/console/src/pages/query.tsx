// Metrics: a PromQL query as a chart and as a table.
import { useState } from "preact/hooks";
import { type HistogramPoint, type InstantSeries, type Point, type QueryData, type RangeSeries, useApi } from "../api";
import { Chart } from "../chart";
import { Editor } from "../editor";
import { count } from "../format";
import { histogramLines } from "../histograms";
import { LabelList, Message, Notice, RangePicker, useRange } from "../parts";
import type { PlanNode } from "../plan";
import { Plan } from "../plan-table";
import { Link, navigate, useLocation } from "../router";

const EXAMPLES = ["up", "sum by (job) (rate(process_cpu_seconds_total[5m]))", "scrape_duration_seconds"];

const TABS = [
  ["", "Graph"],
  ["table", "Table"],
  ["explain", "Explain"],
] as const;

/** About one step a pixel or two, and never more than the server takes. */
export function stepFor(startS: number, endS: number): number {
  return Math.max(1, Math.ceil((endS - startS) / 400));
}

export function QueryPage() {
  const { params } = useLocation();
  // Links in notifications come in the form of Prometheus' own console.
  const query = params.get("expr") ?? params.get("g0.expr") ?? "";
  const tab = params.get("tab") ?? (params.get("g0.tab") === "1" ? "table" : "");
  const shown = TABS.some(([name]) => name === tab) ? tab : "";
  const range = useRange(params.get("g0.range_input") ?? "1h");
  const { refresh } = range;
  const [, setRuns] = useState(0);
  const go = (next: Record<string, string>) =>
    navigate("/query", { expr: query, range: range.range, tab, end: params.get("end") ?? "", ...next });
  const run = (expr: string) => {
    refresh();
    setRuns((n) => n + 1);
    go({ expr });
  };
  return (
    <>
      <h2>Metrics</h2>
      <Editor value={query} onRun={run} />
      <div class="toolbar">
        <div class="tabs">
          {TABS.map(([name, title]) => (
            <button key={name} class={name === shown ? "active" : ""} onClick={() => go({ tab: name })}>
              {title}
            </button>
          ))}
        </div>
        <RangePicker {...range} />
      </div>
      {query === "" ? (
        <Notice kind="empty">
          Try{" "}
          {EXAMPLES.map((expr, i) => (
            <>
              {i > 0 && ", "}
              <Link to="/query" params={{ expr }}>
                <code>{expr}</code>
              </Link>
            </>
          ))}{" "}
          or anything else in PromQL.
        </Notice>
      ) : shown === "table" ? (
        <Table query={query} timeMs={range.endMs} />
      ) : shown === "explain" ? (
        <Explain query={query} startMs={range.startMs} endMs={range.endMs} />
      ) : (
        <Graph
          query={query}
          startMs={range.startMs}
          endMs={range.endMs}
          onZoom={(startS, endS) =>
            go({ range: `${Math.max(1, Math.round(endS - startS))}s`, end: String(Math.round(endS * 1000)) })
          }
        />
      )}
    </>
  );
}

/** The steps of a chart. */
function stepsOf(startMs: number, endMs: number) {
  const step = stepFor(startMs / 1000, endMs / 1000);
  // The last step is the end itself: what was scraped a moment ago is on the chart.
  const endS = Math.round(endMs) / 1000;
  const startS = endS - Math.floor((endMs - startMs) / 1000 / step) * step;
  return { step, startS, endS, params: { start: startS.toFixed(3), end: endS.toFixed(3), step: String(step) } };
}

function Explain(props: { query: string; startMs: number; endMs: number }) {
  const { params } = stepsOf(props.startMs, props.endMs);
  const loaded = useApi<PlanNode>("/api/v1/query_explain", { query: props.query, ...params });
  return (
    <Answer {...loaded} query={props.query}>
      {loaded.data && <Plan root={loaded.data} />}
    </Answer>
  );
}

function Graph(props: { query: string; startMs: number; endMs: number; onZoom: (startS: number, endS: number) => void }) {
  const { step, startS, endS, params } = stepsOf(props.startMs, props.endMs);
  const loaded = useApi<QueryData>("/api/v1/query_range", { query: props.query, ...params });
  const series = loaded.data?.result as RangeSeries[] | undefined;
  const lines = series?.filter(({ values }) => values?.length);
  const undrawn = series?.filter(({ histograms }) => histograms?.length).length ?? 0;
  return (
    <Answer {...loaded} query={props.query} empty={series?.length === 0}>
      {undrawn > 0 && (
        <Notice kind="empty">
          {count(undrawn, "histogram")} cannot be drawn as lines: <code>histogram_quantile</code> makes numbers of them, and
          the table shows them as they are.
        </Notice>
      )}
      {lines && lines.length > 0 && (
        <Chart series={lines} startS={startS} endS={endS} stepS={step} onZoom={props.onZoom} />
      )}
    </Answer>
  );
}

function Table(props: { query: string; timeMs: number }) {
  const loaded = useApi<QueryData>("/api/v1/query", { query: props.query, time: String(props.timeMs / 1000) });
  const rows = rowsOf(loaded.data);
  return (
    <Answer {...loaded} query={props.query} empty={rows?.length === 0}>
      <table class="result">
        <tbody>
          {rows?.map(({ metric, values = [], histograms = [] }, i) => (
            <tr key={i}>
              <td>
                <b>{metric.__name__ ?? ""}</b> <LabelList labels={metric} without={["__name__"]} />
              </td>
              <td class="number">
                {values.map(([at, value]) => (values.length > 1 ? `${value} @${at}` : value)).join("\n")}
                {histograms.map(([at, histogram]) => (
                  <pre class="buckets" key={at}>
                    {histograms.length > 1 && `@${at}\n`}
                    {histogramLines(histogram).join("\n")}
                  </pre>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Answer>
  );
}

function rowsOf(data: QueryData | undefined): RangeSeries[] | undefined {
  if (!data) return undefined;
  const all = <T,>(one: T | undefined): T[] => (one === undefined ? [] : [one]);
  switch (data.resultType) {
    case "vector":
      return (data.result as InstantSeries[]).map(({ metric, value, histogram }) => ({
        metric,
        values: all<Point>(value),
        histograms: all<HistogramPoint>(histogram),
      }));
    case "matrix":
      return data.result as RangeSeries[];
    default:
      return [{ metric: {}, values: [data.result as Point] }];
  }
}

function Answer(props: {
  query: string;
  error?: string;
  warnings?: string[];
  loading: boolean;
  empty?: boolean;
  children: any;
}) {
  return (
    <section class={props.loading ? "loading" : ""} data-testid="answer">
      {props.error && <Message kind="error" text={props.error} query={props.query} />}
      {props.warnings?.map((text) => (
        <Message key={text} kind="warning" text={text} query={props.query} />
      ))}
      {!props.error && props.empty && <Notice kind="empty">No data in this range.</Notice>}
      {!props.error && props.children}
    </section>
  );
}
