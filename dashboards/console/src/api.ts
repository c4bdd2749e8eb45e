// What the server answers, and how it is asked.
import { useEffect, useState } from "preact/hooks";

export type LabelSet = Record<string, string>;
export type Point = [number, string];

export interface QueryData {
  resultType: "matrix" | "vector" | "scalar" | "string";
  result: unknown;
}
/** A native histogram; buckets are which bounds belong to it, the lower, the upper, and the count. */
export interface Histogram {
  count: string;
  sum: string;
  buckets?: [number, string, string, string][];
}
export type HistogramPoint = [number, Histogram];
export interface RangeSeries {
  metric: LabelSet;
  values?: Point[];
  histograms?: HistogramPoint[];
}
export interface InstantSeries {
  metric: LabelSet;
  value?: Point;
  histogram?: HistogramPoint;
}

export interface Target {
  labels: LabelSet;
  discoveredLabels: LabelSet;
  scrapePool: string;
  scrapeUrl: string;
  lastError: string;
  lastScrape: string;
  lastScrapeDuration: number;
  health: "up" | "down" | "unknown";
}

export interface AlertInstance {
  labels: LabelSet;
  annotations: LabelSet;
  state: "pending" | "firing" | "inactive";
  activeAt: string;
  value: string;
}
export interface Rule {
  type: "alerting" | "recording";
  name: string;
  query: string;
  health: string;
  lastError?: string;
  state?: "inactive" | "pending" | "firing";
  duration?: number;
  labels?: LabelSet;
  annotations?: LabelSet;
  alerts?: AlertInstance[];
}
export interface RuleGroup {
  name: string;
  file: string;
  interval: number;
  rules: Rule[];
}

export interface Tag {
  key: string;
  type: string;
  value: unknown;
}
export interface Span {
  traceID: string;
  spanID: string;
  operationName: string;
  references: { refType: "CHILD_OF" | "FOLLOWS_FROM"; traceID: string; spanID: string }[];
  startTime: number;
  duration: number;
  tags: Tag[];
  logs: { timestamp: number; fields: Tag[] }[];
  processID: string;
  warnings?: string[] | null;
}
export interface Trace {
  traceID: string;
  spans: Span[];
  processes: Record<string, { serviceName: string; tags: Tag[] }>;
}

export interface LogLine {
  timestamp: string;
  line: string;
  stream: LabelSet;
  metadata: LabelSet;
  trace_id?: string;
  span_id?: string;
}

/** An answer of the server that says why not, in its own words. */
export class ApiError extends Error {}

async function ask(path: string, params: Record<string, string | string[]>, signal?: AbortSignal): Promise<any> {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const one of [value].flat()) if (one !== "") search.append(name, one);
  }
  const response = await fetch(search.size ? `${path}?${search}` : path, { signal });
  const text = await response.text();
  let body: any;
  try {
    body = JSON.parse(text);
  } catch {
    throw new ApiError(text || `${response.status} ${response.statusText}`);
  }
  if (!response.ok) {
    throw new ApiError(body.error ?? body.errors?.[0]?.msg ?? `${response.status} ${response.statusText}`);
  }
  return body;
}

/** The query as it reads best. */
export async function formatQuery(query: string): Promise<string> {
  return (await ask("/api/v1/format_query", { query })).data;
}

export interface Loaded<T> {
  data?: T;
  error?: string;
  loading: boolean;
  warnings?: string[];
}

/** Asks when `key` (path and parameters) changes and, if `everyMs` is given, again and again. */
export function useApi<T>(
  path: string | null,
  params: Record<string, string | string[]> = {},
  everyMs = 0,
): Loaded<T> {
  const [loaded, set] = useState<Loaded<T>>({ loading: path !== null });
  const key = JSON.stringify([path, params]);
  useEffect(() => {
    if (path === null) {
      set({ loading: false });
      return;
    }
    const abort = new AbortController();
    const load = () =>
      ask(path, params, abort.signal).then(
        (body) => set({ data: body.data, warnings: [...(body.warnings ?? []), ...(body.infos ?? [])], loading: false }),
        (error) => abort.signal.aborted || set({ error: String(error.message ?? error), loading: false }),
      );
    set((before) => ({ ...before, error: undefined, loading: true }));
    load();
    const timer = everyMs ? setInterval(load, everyMs) : undefined;
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  }, [key, everyMs]);
  return loaded;
}
