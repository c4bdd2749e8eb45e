// Small pieces that several pages use.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { LabelSet } from "./api";
import { durationMs } from "./format";
import { placed } from "./places";
import { navigate, useLocation } from "./router";

export function Notice(props: { kind: "error" | "warning" | "empty"; children: ComponentChildren }) {
  return <p class={`notice ${props.kind}`}>{props.children}</p>;
}

/** What the server says of a query, with the place that it means. */
export function Message(props: { kind: "error" | "warning"; text: string; query: string }) {
  const { text, place } = placed(props.text, props.query);
  return (
    <Notice kind={props.kind}>
      {text}
      {place && (
        <code class="place">
          {place.before}
          <mark>{place.marked || " "}</mark>
          {place.after}
        </code>
      )}
    </Notice>
  );
}

export function LabelList(props: { labels: LabelSet; without?: string[] }) {
  const shown = Object.entries(props.labels).filter(([name]) => !props.without?.includes(name));
  return (
    <span class="labels">
      {shown.map(([name, value]) => (
        <code key={name}>
          {name}=<b>{value}</b>
        </code>
      ))}
    </span>
  );
}

export function State(props: { state: string }) {
  return <span class={`state ${props.state}`}>{props.state}</span>;
}

/** One parameter of the address bar, edited as text: Enter or leaving the field puts it there. */
export function Field(props: { name: string; label: string; placeholder?: string; wide?: boolean; list?: string[] }) {
  const { path, params } = useLocation();
  const there = params.get(props.name) ?? "";
  const [text, setText] = useState(there);
  useEffect(() => setText(there), [there]);
  const commit = () => text !== there && navigate(path, { ...Object.fromEntries(params), [props.name]: text, cursor: "" });
  const listId = props.list ? `list-${props.name}` : undefined;
  return (
    <label class={props.wide ? "wide" : ""}>
      {props.label}
      <input
        name={props.name}
        value={text}
        placeholder={props.placeholder}
        list={listId}
        spellcheck={false}
        onInput={(event) => setText(event.currentTarget.value)}
        onBlur={commit}
        onKeyDown={(event) => event.key === "Enter" && commit()}
      />
      {props.list && (
        <datalist id={listId}>
          {props.list.map((value) => (
            <option key={value} value={value} />
          ))}
        </datalist>
      )}
    </label>
  );
}

export interface Range {
  startMs: number;
  endMs: number;
}

const RANGES = ["5m", "15m", "1h", "6h", "1d", "7d"];

/** The time range of the address bar: `range` back from `end`, or from now. `tick` asks again for now. */
export function useRange(fallback = "1h"): Range & { range: string; refresh: () => void } {
  const { params } = useLocation();
  const [now, setNow] = useState(Date.now());
  const range = params.get("range") ?? fallback;
  const end = Number(params.get("end")) || now;
  return {
    range,
    startMs: end - (durationMs(range) ?? 3_600_000),
    endMs: end,
    refresh: () => setNow(Date.now()),
  };
}

export function RangePicker(props: { range: string; refresh: () => void }) {
  const { path, params } = useLocation();
  const set = (range: string) => navigate(path, { ...Object.fromEntries(params), range, end: "", cursor: "" });
  return (
    <div class="ranges">
      {RANGES.map((range) => (
        <button key={range} class={range === props.range ? "active" : ""} onClick={() => (props.refresh(), set(range))}>
          {range}
        </button>
      ))}
      <button onClick={props.refresh} title="Ask again, up to now">
        ↻
      </button>
    </div>
  );
}
