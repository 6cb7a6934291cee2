/**
 * The merge view of CodeMirror, loaded only when a difference is looked at. It lives in a shadow root, where its style
 * sheets are adopted: the page's policy forbids style elements.
 */
import { yaml } from "@codemirror/lang-yaml"
import { getChunks, MergeView, unifiedMergeView } from "@codemirror/merge"
import { EditorState, type Extension, RangeSetBuilder } from "@codemirror/state"
import { Decoration, EditorView, lineNumbers } from "@codemirror/view"

const theme = EditorView.theme({
  "&": { fontSize: "12px", backgroundColor: "var(--surface)", color: "var(--text)" },
  ".cm-content": { fontFamily: "var(--font-mono)", lineHeight: "20px", padding: "4px 0", caretColor: "transparent" },
  ".cm-line": { padding: "0 12px 0 6px" },
  ".cm-gutters": {
    backgroundColor: "var(--surface)",
    color: "var(--text-3)",
    border: "none",
    fontFamily: "var(--font-mono)",
    lineHeight: "20px"
  },
  "&.cm-merge-a .cm-changedLine": { backgroundColor: "var(--tint-del)" },
  "&.cm-merge-b .cm-changedLine, .cm-insertedLine": { backgroundColor: "var(--tint-add)" },
  "&.cm-merge-a .cm-changedText, .cm-deletedChunk .cm-deletedText": { background: "var(--tint-del-word)" },
  "&.cm-merge-b .cm-changedText": { background: "var(--tint-add-word)" },
  ".cm-deletedChunk": { backgroundColor: "var(--tint-del)", color: "var(--text)" },
  ".cm-collapsedLines": { background: "var(--sunken)", color: "var(--text-2)", padding: "2px 12px", fontSize: "11px" },
  ".cm-collapsedLines:before, .cm-collapsedLines:after": { content: "none" },
  ".cw-whole .cm-changedText": { background: "none !important" },
  ".cm-changeGutter": { width: "0" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" }
})

const wholeLine = Decoration.line({ class: "cw-whole" })

/** Lines that are wholly new or gone need no mark on every word. */
const whole = EditorView.decorations.of((view) => {
  const marks = new RangeSetBuilder<Decoration>()
  const found = getChunks(view.state)
  for (const { fromA, fromB, toA, toB } of found?.chunks ?? []) {
    const [from, to, alone] = found!.side === "a" ? [fromA, toA, fromB === toB] : [fromB, toB, fromA === toA]
    if (!alone) continue
    for (let at = from; at < Math.min(to, view.state.doc.length); at = view.state.doc.lineAt(at).to + 1)
      marks.add(view.state.doc.lineAt(at).from, view.state.doc.lineAt(at).from, wholeLine)
  }
  return marks.finish()
})

const base: Extension = [
  lineNumbers(),
  yaml(),
  theme,
  whole,
  EditorState.readOnly.of(true),
  EditorView.editable.of(false),
  EditorView.contentAttributes.of({ tabindex: "0", "aria-label": "Differences" }),
  EditorView.lineWrapping
]

const config = { scanLimit: 10_000, timeout: 200 }
const collapse = { margin: 3, minSize: 4 }

const trimmed = (text: string): string => text.replace(/\n$/, "")

export const mount = (host: HTMLElement, left: string, right: string, split: boolean): (() => void) => {
  const [before, after] = [trimmed(left), trimmed(right)]
  const highlightChanges = before !== "" && after !== ""
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" })
  const parent = root.appendChild(document.createElement("div"))
  const view = split
    ? new MergeView({
        a: { doc: before, extensions: base },
        b: { doc: after, extensions: base },
        parent,
        root,
        collapseUnchanged: collapse,
        diffConfig: config,
        highlightChanges,
        gutter: false
      })
    : new EditorView({
        doc: after,
        parent,
        root,
        extensions: [
          base,
          unifiedMergeView({
            original: before,
            mergeControls: false,
            highlightChanges,
            gutter: false,
            collapseUnchanged: collapse,
            diffConfig: config
          })
        ]
      })
  return () => {
    view.destroy()
    parent.remove()
  }
}
