// How a query is answered: the tree of its parts as rows, with what each took.

/** A part of a query, as the server tells it: times in seconds, its own and with all that is in it. */
export interface PlanNode {
  text: string;
  kind: string;
  estimatedSeries?: number | null;
  series?: number | null;
  samples?: number | null;
  ownTime?: number | null;
  totalTime?: number | null;
  /** Evaluated for another part already. */
  shared?: boolean;
  children?: PlanNode[];
}

export interface PlanRow {
  node: PlanNode;
  depth: number;
  /** Its own part of the time of the whole, from 0 to 1. */
  share: number;
}

/** The parts from the whole downwards, each before what it is made of. */
export function planRows(root: PlanNode): PlanRow[] {
  const whole = root.totalTime ?? 0;
  const rows: PlanRow[] = [];
  // A stack of its own: queries can be deeper than calls may be.
  const rest: { node: PlanNode; depth: number }[] = [{ node: root, depth: 0 }];
  for (let next = rest.pop(); next; next = rest.pop()) {
    const { node, depth } = next;
    rows.push({ node, depth, share: whole > 0 ? Math.min(1, (node.ownTime ?? 0) / whole) : 0 });
    const parts = (node.children ?? []).map((child) => ({ node: child, depth: depth + 1 }));
    rest.push(...parts.reverse());
  }
  return rows;
}

/** By how much more than a factor of ten an estimate was off. */
export function isFarOff({ estimatedSeries, series }: PlanNode): boolean {
  if (estimatedSeries === undefined || estimatedSeries === null || series === undefined || series === null) return false;
  const [less, more] = [Math.min(estimatedSeries, series), Math.max(estimatedSeries, series)];
  return more >= 100 && more > less * 10;
}
