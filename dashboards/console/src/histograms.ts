// Native histograms as text: a line a bucket, with its bounds, a bar and its count.
import type { Histogram } from "./api";

/** The longest bar, in characters. */
const WIDTH = 24;

/** Parts of a full block, by eighths. */
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** Which bounds belong to a bucket: those of the upper, the lower, none, both. */
const BRACKETS = [["(", "]"], ["[", ")"], ["(", ")"], ["[", "]"]] as const;

export function bar(share: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * WIDTH * 8);
  // What is there is seen.
  return share > 0 && eighths === 0 ? EIGHTHS[1]! : "█".repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8];
}

/** The bounds and counts are written as the server wrote them. */
export function histogramLines({ count, sum, buckets = [] }: Histogram): string[] {
  const bounds = buckets.map(([rule, lower, upper]) => {
    const [open, close] = BRACKETS[rule] ?? BRACKETS[2];
    return `${open}${lower}, ${upper}${close}`;
  });
  const width = Math.max(0, ...bounds.map((text) => text.length));
  const most = Math.max(...buckets.map(([, , , n]) => Math.abs(Number(n))));
  const lines = buckets.map(
    ([, , , n], i) => `${bounds[i]!.padStart(width)} ${bar(Math.abs(Number(n)) / most).padEnd(WIDTH)} ${n}`,
  );
  return [`count ${count}  sum ${sum}`, ...lines];
}
