// Alerts: every alerting rule with its state, and the instances that are pending or fire.
import { type Rule, type RuleGroup, useApi } from "../api";
import { ago, promDuration, time } from "../format";
import { LabelList, Notice, State } from "../parts";
import { Link } from "../router";

const ORDER = ["firing", "pending", "inactive"] as const;

export function AlertsPage() {
  const { data, error } = useApi<{ groups: RuleGroup[] }>("/api/v1/rules", { type: "alert" }, 5000);
  const rules = (data?.groups ?? []).flatMap((group) => group.rules.map((rule) => ({ group, rule })));
  const rank = (rule: Rule) => ORDER.indexOf(rule.state ?? "inactive");
  rules.sort((a, b) => rank(a.rule) - rank(b.rule));
  return (
    <>
      <h2>Alerts</h2>
      {error && <Notice kind="error">{error}</Notice>}
      {data && rules.length === 0 && <Notice kind="empty">No alerting rules. They come from rule_files.</Notice>}
      {rules.length > 0 && (
        <p class="aside facts">
          {ORDER.map((state) => (
            <span key={state}>
              {rules.filter(({ rule }) => (rule.state ?? "inactive") === state).length} {state}
            </span>
          ))}
        </p>
      )}
      {rules.map(({ group, rule }) => (
        <RuleCard key={`${group.file}/${group.name}/${rule.name}/${rule.query}`} group={group} rule={rule} />
      ))}
    </>
  );
}

function RuleCard({ group, rule }: { group: RuleGroup; rule: Rule }) {
  return (
    <section class={`rule ${rule.state ?? ""}`}>
      <h3>
        <State state={rule.state ?? "inactive"} /> {rule.name} <small>{group.name}</small>
      </h3>
      <p>
        <Link to="/query" params={{ expr: rule.query }}>
          <code>{rule.query}</code>
        </Link>{" "}
        {rule.duration ? <small>for {promDuration(rule.duration)}</small> : null} <LabelList labels={rule.labels ?? {}} />
      </p>
      {rule.lastError && <div class="reason">{rule.lastError}</div>}
      {rule.alerts && rule.alerts.length > 0 && (
        <table class="instances">
          <tbody>
            {rule.alerts.map((alert) => (
              <tr key={JSON.stringify(alert.labels)}>
                <td>
                  <State state={alert.state} />
                </td>
                <td>
                  <div>{alert.annotations.summary ?? alert.annotations.description}</div>
                  <LabelList labels={alert.labels} without={["alertname"]} />
                </td>
                <td title={time(Date.parse(alert.activeAt))}>{ago(alert.activeAt)}</td>
                <td class="number">{valueOf(alert.value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

/** The server writes values with an exponent always. */
function valueOf(text: string): string {
  const value = Number(text);
  return Number.isFinite(value) ? String(Number(value.toPrecision(6))) : text;
}
