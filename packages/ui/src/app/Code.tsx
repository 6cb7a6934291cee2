/** A text as it would stand in a file: keys quieter than values, no other colour, and a button that copies it. */
import { memo, useState } from "react"
import { Icon } from "./Glyph.tsx"
import { copy, download } from "./words.ts"

interface Props {
  readonly text: string
  readonly title?: string
  readonly note?: string
  readonly language?: "yaml" | "json" | "text"
  readonly command?: boolean
  readonly wrap?: boolean
  readonly file?: string
}

export const CopyButton = ({ label = "Copy", text }: { readonly text: string; readonly label?: string }) => {
  const [done, setDone] = useState(false)
  return (
    <button
      type="button"
      className="iconbutton"
      title={label}
      aria-label={done ? "Copied" : label}
      onClick={() => {
        void copy(text).then((ok) => {
          setDone(ok)
          setTimeout(() => setDone(false), 1500)
        })
      }}
    >
      <Icon name={done ? "check" : "copy"} />
    </button>
  )
}

/** Keys and values of one line of YAML or JSON. */
const Line = memo(({ text }: { readonly text: string }) => {
  const found = /^(\s*(?:- )*)("?[\w./@-]+"?:)(.*)$/.exec(text)
  if (found === null)
    return (
      <>
        {text}
        {"\n"}
      </>
    )
  return (
    <>
      {found[1]}
      <span className="key">{found[2]}</span>
      {found[3]}
      {"\n"}
    </>
  )
})

export const Code = ({ command, file, language = "yaml", note, text, title, wrap }: Props) => (
  <div className={`code${command === true ? " command" : ""}${wrap === true ? " wrap" : ""}`}>
    {title === undefined ? null : (
      <div className="title">
        <b>{title}</b> {note === undefined ? null : <span>{note}</span>}
        {file === undefined ? null : (
          <button
            type="button"
            className="iconbutton"
            title={`Download ${file}`}
            aria-label={`Download ${file}`}
            onClick={() => download(file, text)}
          >
            <Icon name="save" />
          </button>
        )}
        <CopyButton text={text} />
      </div>
    )}
    <pre tabIndex={command === true ? undefined : 0} aria-label={title ?? "Text"}>
      {command === true ? (
        <>
          <span className="key">$ </span>
          {text}
        </>
      ) : language === "text" ? (
        text
      ) : (
        text
          .replace(/\n$/, "")
          .split("\n")
          .map((line, i) => <Line key={i} text={line} />)
      )}
    </pre>
    {title === undefined ? <CopyButton text={text} /> : null}
  </div>
)
