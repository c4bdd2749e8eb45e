// The editor itself, in a chunk of its own: it is four fifths of the console's code.
import {
  acceptCompletion,
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  closeCompletion,
  completionKeymap,
  moveCompletionSelection,
  selectedCompletion,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { HighlightStyle, bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { lintKeymap } from "@codemirror/lint";
import { EditorState, Prec } from "@codemirror/state";
import { EditorView, keymap, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { PromQLExtension } from "@prometheus-io/codemirror-promql";
import type { EditorHandle } from "./editor";

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "#b69cff" },
  { tag: tags.function(tags.variableName), color: "#4fd8d0" },
  { tag: tags.string, color: "#7bd88f" },
  { tag: tags.number, color: "#ffb347" },
  { tag: tags.labelName, color: "#4fb3ff" },
  { tag: tags.comment, color: "#6c7d92" },
]);

export function mount(
  parent: HTMLElement,
  text: string,
  on: { changed: (text: string) => void; run: () => void },
): EditorHandle {
  const promql = new PromQLExtension().setComplete({ remote: { url: "" } });
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: text,
      extensions: [
        // Nothing is selected until an arrow key selects it, so that Enter runs what was typed and Tab takes the first.
        Prec.highest(
          keymap.of([
            { key: "Enter", run: (view) => acceptCompletion(view) || (closeCompletion(view), on.run(), true) },
            {
              key: "Tab",
              run: (view) => {
                if (!selectedCompletion(view.state)) moveCompletionSelection(true)(view);
                return acceptCompletion(view);
              },
            },
          ]),
        ),
        history(),
        bracketMatching(),
        closeBrackets(),
        autocompletion({ selectOnOpen: false, icons: false }),
        syntaxHighlighting(colours),
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap]),
        placeholder("PromQL; Enter runs it"),
        EditorView.lineWrapping,
        EditorView.theme({}, { dark: true }),
        EditorView.updateListener.of((update) => update.docChanged && on.changed(update.state.doc.toString())),
        promql.asExtension(),
      ],
    }),
  });
  return {
    set: (next) => {
      const now = view.state.doc.toString();
      if (now !== next) view.dispatch({ changes: { from: 0, to: now.length, insert: next } });
    },
    destroy: () => view.destroy(),
  };
}
