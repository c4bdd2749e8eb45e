// The address bar is the page's state: every page reads its parameters from there and writes them back.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

export interface Location {
  path: string;
  params: URLSearchParams;
}

const listeners = new Set<() => void>();

function current(): Location {
  return { path: window.location.pathname, params: new URLSearchParams(window.location.search) };
}

export function navigate(path: string, params: Record<string, string> = {}, replace = false) {
  const kept = Object.entries(params).filter(([, value]) => value !== "");
  const search = new URLSearchParams(kept).toString();
  const url = search ? `${path}?${search}` : path;
  if (replace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  listeners.forEach((tell) => tell());
}

window.addEventListener("popstate", () => listeners.forEach((tell) => tell()));

export function useLocation(): Location {
  const [location, set] = useState(current);
  useEffect(() => {
    const tell = () => set(current());
    listeners.add(tell);
    return () => void listeners.delete(tell);
  }, []);
  return location;
}

export function Link(props: { to: string; params?: Record<string, string>; class?: string; children: ComponentChildren }) {
  const search = new URLSearchParams(props.params ?? {}).toString();
  return (
    <a
      href={search ? `${props.to}?${search}` : props.to}
      class={props.class}
      onClick={(event: MouseEvent) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        navigate(props.to, props.params);
      }}
    >
      {props.children}
    </a>
  );
}
