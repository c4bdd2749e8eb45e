// The frame: navigation on the left, one page on the right, chosen by the path.
import type { ComponentType } from "preact";
import { useApi } from "./api";
import { Link, useLocation } from "./router";
import { AlertsPage } from "./pages/alerts";
import { LogsPage } from "./pages/logs";
import { QueryPage } from "./pages/query";
import { TargetsPage } from "./pages/targets";
import { TracePage } from "./pages/trace";
import { TracesPage } from "./pages/traces";

const PAGES: { path: string; title: string; page: ComponentType }[] = [
  { path: "/query", title: "Metrics", page: QueryPage },
  { path: "/traces", title: "Traces", page: TracesPage },
  { path: "/logs", title: "Logs", page: LogsPage },
  { path: "/alerts", title: "Alerts", page: AlertsPage },
  { path: "/targets", title: "Targets", page: TargetsPage },
];

function pageFor(path: string): ComponentType {
  if (path.startsWith("/trace/")) return TracePage;
  return PAGES.find((entry) => entry.path === path)?.page ?? QueryPage;
}

function Logo() {
  return (
    <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
      <path d="M16 2v28M6 12h20l-3 8H9z" fill="currentColor" stroke="currentColor" stroke-width="2" />
    </svg>
  );
}

export function App() {
  const { path } = useLocation();
  const build = useApi<{ mastheadVersion: string }>("/api/v1/status/buildinfo");
  const Page = pageFor(path);
  const active = path.startsWith("/trace/") ? "/traces" : path === "/" || path === "/graph" ? "/query" : path;
  return (
    <>
      <nav>
        <h1>
          <Logo />
          Masthead
        </h1>
        {PAGES.map(({ path: to, title }) => (
          <Link key={to} to={to} class={to === active ? "active" : ""}>
            {title}
          </Link>
        ))}
        {build.data && <small>{build.data.mastheadVersion}</small>}
      </nav>
      <main>
        <Page />
      </main>
    </>
  );
}
