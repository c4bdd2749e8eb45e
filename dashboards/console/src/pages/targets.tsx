// Targets: what is scraped, and why it is not where it is not.
import { type Target, useApi } from "../api";
import { ago, time } from "../format";
import { groupBy } from "../group";
import { LabelList, Notice, State } from "../parts";

export function TargetsPage() {
  const { data, error } = useApi<{ activeTargets: Target[]; droppedTargets: unknown[] }>("/api/v1/targets", {}, 5000);
  const pools = groupBy(data?.activeTargets ?? [], (target) => target.scrapePool);
  return (
    <>
      <h2>Targets</h2>
      {error && <Notice kind="error">{error}</Notice>}
      {data && pools.size === 0 && <Notice kind="empty">Nothing is scraped. Targets come from scrape_configs.</Notice>}
      {[...pools].map(([pool, targets]) => (
        <section key={pool}>
          <h3>
            {pool} <small>{targets.filter((t) => t.health === "up").length} of {targets.length} up</small>
          </h3>
          <table class="targets">
            <thead>
              <tr>
                <th>Endpoint</th>
                <th>State</th>
                <th>Labels</th>
                <th>Last scrape</th>
                <th class="number">Took</th>
              </tr>
            </thead>
            <tbody>
              {targets.map((target) => (
                <tr key={target.scrapeUrl + JSON.stringify(target.labels)}>
                  <td>
                    <a href={target.scrapeUrl}>{target.scrapeUrl}</a>
                    {target.lastError && <div class="reason">{target.lastError}</div>}
                  </td>
                  <td>
                    <State state={target.health} />
                  </td>
                  <td>
                    <LabelList labels={target.labels} />
                  </td>
                  <td title={time(Date.parse(target.lastScrape))}>{ago(target.lastScrape)}</td>
                  <td class="number">{(target.lastScrapeDuration * 1000).toFixed(1)}ms</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      ))}
      {data && data.droppedTargets.length > 0 && <p class="aside">{data.droppedTargets.length} targets dropped by relabelling.</p>}
    </>
  );
}
