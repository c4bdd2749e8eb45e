// Numbers, times and label sets as people read them.
import type { LabelSet } from "./api";

/** `up{job="x"}` */
export function seriesName(labels: LabelSet): string {
  const { __name__: name = "", ...rest } = labels;
  const pairs = Object.entries(rest).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return pairs.length || !name ? `${name}{${pairs.join(", ")}}` : name;
}

/** Microseconds with the unit that fits: 950µs, 12.3ms, 1.5s. */
export function micros(us: number): string {
  if (us < 1000) return `${Math.round(us)}µs`;
  if (us < 1_000_000) return `${trim(us / 1000)}ms`;
  return `${trim(us / 1_000_000)}s`;
}

function trim(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1).replace(/\.?0+$/, "");
}

const PREFIXES: [number, string][] = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** An axis value, short: 1.5k, 0.25, 3M. */
export function short(value: number): string {
  const size = Math.abs(value);
  for (const [unit, prefix] of PREFIXES) if (size >= unit) return `${trim(value / unit)}${prefix}`;
  if (size === 0 || size >= 0.01) return String(Number(value.toPrecision(4)));
  return value.toExponential(1);
}

export function time(ms: number): string {
  const at = new Date(ms);
  return `${at.toLocaleDateString("en-CA")} ${at.toLocaleTimeString("en-GB")}`;
}

export function clock(ms: number): string {
  return `${new Date(ms).toLocaleTimeString("en-GB")}.${String(Math.floor(ms % 1000)).padStart(3, "0")}`;
}

/** `1 span`, `3 spans` */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

/** Labels of a time axis: the date where a day begins, seconds only where ticks stand closer than a minute. */
export function axisTimes(ticks: number[], stepS: number): string[] {
  return ticks.map((tick) => {
    const at = new Date(tick * 1000);
    const midnight = at.getHours() + at.getMinutes() + at.getSeconds() === 0;
    if (stepS >= 86_400 || midnight) return at.toLocaleDateString("en-CA").slice(5);
    return at.toLocaleTimeString("en-GB").slice(0, stepS < 60 ? 8 : 5);
  });
}

/** Round marks of a length of time: at most `most` of them, 0 included. */
export function marks(total: number, most: number): number[] {
  const raw = Math.max(total, 1) / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= raw)!;
  return Array.from({ length: Math.floor(total / step) + 1 }, (_, i) => i * step);
}

/** Seconds as PromQL writes them: 90 is `1m30s`. */
export function promDuration(seconds: number): string {
  let rest = seconds;
  let out = "";
  for (const [unit, size] of [["d", 86_400], ["h", 3600], ["m", 60], ["s", 1]] as const) {
    const whole = Math.floor(rest / size);
    if (whole > 0) out += `${whole}${unit}`;
    rest -= whole * size;
  }
  return out || "0s";
}

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `1h30m` in milliseconds; null where it is no duration. */
export function durationMs(text: string): number | null {
  let total = 0;
  const rest = text.replace(/(\d+)(ms|[smhdw])/g, (_, count, unit) => {
    total += Number(count) * UNITS[unit]!;
    return "";
  });
  return rest === "" && total > 0 ? total : null;
}

/** `3m ago` */
export function ago(iso: string, now = Date.now()): string {
  const ms = now - Date.parse(iso);
  if (!Number.isFinite(ms) || Date.parse(iso) <= 0) return "never";
  if (ms < 1000) return "now";
  for (const [unit, size] of [["d", 86_400_000], ["h", 3_600_000], ["m", 60_000], ["s", 1000]] as const) {
    if (ms >= size) return `${Math.floor(ms / size)}${unit} ago`;
  }
  return "now";
}
