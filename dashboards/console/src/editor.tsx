// The PromQL field: a plain one at once, the editor with completion and highlighting as soon as it has loaded.
import { useEffect, useRef, useState } from "preact/hooks";
import { formatQuery } from "./api";
import { Message } from "./parts";

export interface EditorHandle {
  set(text: string): void;
  destroy(): void;
}

export function Editor(props: { value: string; onRun: (query: string) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const editor = useRef<EditorHandle | null>(null);
  const run = useRef(props.onRun);
  const text = useRef(props.value);
  const [ready, setReady] = useState(false);
  const [unreadable, setUnreadable] = useState<{ why: string; query: string } | null>(null);
  run.current = props.onRun;

  useEffect(() => {
    let gone = false;
    import("./promql").then(({ mount }) => {
      if (gone || !box.current) return;
      editor.current = mount(box.current, text.current, {
        changed: (query) => (text.current = query),
        run: () => run.current(text.current),
      });
      setReady(true);
    });
    return () => {
      gone = true;
      editor.current?.destroy();
    };
  }, []);
  useEffect(() => {
    text.current = props.value;
    editor.current?.set(props.value);
    setUnreadable(null);
  }, [props.value]);
  const format = async () => {
    const query = text.current;
    if (query.trim() === "") return;
    try {
      const formatted = await formatQuery(query);
      // Whoever typed on meanwhile is not disturbed.
      if (text.current !== query) return;
      text.current = formatted;
      editor.current?.set(formatted);
      setUnreadable(null);
    } catch (error) {
      setUnreadable({ why: (error as Error).message, query });
    }
  };

  return (
    <>
      <div class="editor">
        {!ready && (
          <textarea
            rows={1}
            spellcheck={false}
            defaultValue={props.value}
            onInput={(event) => (text.current = event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter" || event.shiftKey) return;
              event.preventDefault();
              run.current(text.current);
            }}
          />
        )}
        <div ref={box} class="code" />
        <button class="format" onClick={format} disabled={!ready} title="Write the query as it reads best">
          Format
        </button>
        <button class="run" onClick={() => run.current(text.current)}>
          Run
        </button>
      </div>
      {unreadable && <Message kind="error" text={unreadable.why} query={unreadable.query} />}
    </>
  );
}
