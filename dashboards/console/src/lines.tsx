// Log lines, as the search and a trace show them; a click tells all that is known of one.
import { useState } from "preact/hooks";
import type { LogLine } from "./api";
import { clock, time } from "./format";
import { LabelList } from "./parts";
import { Link } from "./router";

const SHORT: Record<string, string> = { warning: "warn", information: "info", err: "error", fatal: "error", critical: "error" };

/** The severity in the word by which it is coloured, whatever the sender calls it. */
export function levelOf(line: LogLine): string {
  const said = line.metadata.detected_level ?? line.metadata.severity_text ?? line.stream.level ?? "";
  const word = said.toLowerCase();
  return SHORT[word] ?? word;
}

export function Lines(props: { lines: LogLine[]; loading?: boolean; withDate?: boolean; withoutTrace?: boolean }) {
  return (
    <div class={`lines ${props.loading ? "loading" : ""}`} data-testid="lines">
      {props.lines.map((line, i) => (
        <Line key={`${line.timestamp}/${i}`} line={line} withDate={props.withDate} withoutTrace={props.withoutTrace} />
      ))}
    </div>
  );
}

function Line({ line, withDate, withoutTrace }: { line: LogLine; withDate?: boolean; withoutTrace?: boolean }) {
  const [open, setOpen] = useState(false);
  const level = levelOf(line);
  const ms = Number(line.timestamp) / 1e6;
  return (
    <div class={`line ${level}`}>
      <button onClick={() => setOpen(!open)} title={time(ms)}>
        <time>{withDate ? time(ms) : clock(ms)}</time>
        <em>{level}</em>
        <b>{line.stream.service_name ?? line.stream.job ?? ""}</b>
        <span>{line.line}</span>
      </button>
      {open && (
        <div class="detail">
          <LabelList labels={line.stream} />
          <LabelList labels={line.metadata} />
          {line.trace_id && !withoutTrace && <Link to={`/trace/${line.trace_id}`}>Trace {line.trace_id}</Link>}
        </div>
      )}
    </div>
  );
}
