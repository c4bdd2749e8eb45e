// The parts of a query as a table: how many series and samples each has, and what it took.
import { micros } from "./format";
import { isFarOff, type PlanNode, planRows } from "./plan";

/** Parts that alone take more than this share of the time stand out. */
const HOT = 0.25;

export function Plan(props: { root: PlanNode }) {
  const rows = planRows(props.root);
  const timed = props.root.totalTime != null;
  return (
    <table class="plan" data-testid="plan">
      <thead>
        <tr>
          <th>Part of the query</th>
          <th class="number">Series</th>
          <th class="number">Expected, at most</th>
          <th class="number">Samples read</th>
          <th class="number">Itself</th>
          <th class="number">With its parts</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ node, depth, share }, i) => (
          <tr key={i}>
            <td style={{ paddingLeft: `${12 + Math.min(depth, 20) * 18}px` }}>
              <code>{node.text}</code> <small>{node.shared ? `${node.kind}, shared` : node.kind}</small>
              <i style={{ width: `${share * 100}%` }} />
            </td>
            <td class="number">{whole(node.series)}</td>
            <td class={isFarOff(node) ? "number hot" : "number"}>{whole(node.estimatedSeries)}</td>
            <td class="number">{whole(node.samples)}</td>
            <td class={share > HOT ? "number hot" : "number"}>{timed ? took(node.ownTime) : ""}</td>
            <td class="number">{timed ? took(node.totalTime) : ""}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function whole(n: number | null | undefined): string {
  return n == null ? "–" : n.toLocaleString("en");
}

function took(seconds: number | null | undefined): string {
  return seconds == null ? "–" : micros(seconds * 1e6);
}
