// Where in a query a warning or an error points: the server says line and column, in bytes, counted from 1.

export interface Place {
  /** The line of the query before, of and after what is meant. */
  before: string;
  marked: string;
  after: string;
}

/** What a message says without its place, and the place in `query`, if it has one there. */
export function placed(message: string, query: string): { text: string; place?: Place } {
  const error = /^(?:invalid parameter "query": )?(\d+):(\d+): (parse error: [^]*)$/.exec(message);
  const warning = / \((\d+):(\d+)\)$/.exec(message);
  const found = error ?? warning;
  const place = found ? placeOf(query, Number(found[1]), Number(found[2])) : undefined;
  if (!place) return { text: message };
  return { text: error ? error[3]! : message.slice(0, warning!.index), place };
}

/** The word, number, text or sign that begins at a line and column. */
export function placeOf(query: string, line: number, column: number): Place | undefined {
  const whole = query.split("\n")[line - 1];
  if (whole === undefined || column < 1) return undefined;
  const bytes = new TextEncoder().encode(whole);
  if (column > bytes.length + 1) return undefined;
  const before = new TextDecoder().decode(bytes.slice(0, column - 1));
  const rest = whole.slice(before.length);
  const marked = /^(?:[\p{L}_:][\p{L}\p{N}_:.]*|[\d.][\w.]*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|[^])/u.exec(rest)?.[0] ?? "";
  return { before, marked, after: rest.slice(marked.length) };
}
