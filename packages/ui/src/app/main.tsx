/** The page: opens the line, then shows what the address names. */
import { Component, useEffect } from "react"
import { createRoot } from "react-dom/client"
import { Clusters } from "./Clusters.tsx"
import { Events } from "./Events.tsx"
import { Frame, Locked } from "./Frame.tsx"
import { go, usePlace } from "./link.tsx"
import { begin } from "./live.ts"
import { Pipeline } from "./Pipeline.tsx"
import { Plan } from "./Plan.tsx"
import { dress, prefs } from "./prefs.ts"
import { Service } from "./Service.tsx"
import { Services } from "./Services.tsx"
import { line, open } from "./session.ts"
import { Sheets } from "./Sheets.tsx"
import { useStore } from "./store.ts"

const Screen = () => {
  const { path, query } = usePlace()
  switch (path[0] ?? "services") {
    case "services":
      return (
        <div className="split">
          {query.get("view") === "page" && path[1] !== undefined ? null : <Services />}
          {path[1] === undefined ? null : <Service key={path[1]} id={path[1]} />}
        </div>
      )
    case "clusters":
      return <Clusters />
    case "pipeline":
      return <Pipeline />
    case "plan":
      return <Plan />
    case "events":
      return <Events />
    default:
      return (
        <div className="empty one">
          <section>
            <h1>There is no such screen</h1>
            <p className="lead">
              <a
                href="/services"
                onClick={(e) => {
                  e.preventDefault()
                  go("/services")
                }}
              >
                To the services
              </a>
            </p>
          </section>
        </div>
      )
  }
}

class Boundary extends Component<
  { readonly children: React.ReactNode; readonly at: string },
  { readonly problem?: string; readonly at?: string }
> {
  override state: { readonly problem?: string; readonly at?: string } = {}
  static getDerivedStateFromError(error: unknown) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
  static getDerivedStateFromProps(props: { readonly at: string }, state: { readonly at?: string }) {
    return state.at === props.at ? null : { at: props.at, problem: undefined }
  }
  override render() {
    return this.state.problem === undefined ? (
      this.props.children
    ) : (
      <div className="empty one">
        <section>
          <h1>This screen has failed</h1>
          <p className="lead">A bug of cw: please report it with this text.</p>
          <pre className="plain">{this.state.problem}</pre>
        </section>
      </div>
    )
  }
}

const App = () => {
  const { state } = useStore(line)
  const { coalesce, density, theme } = useStore(prefs)
  const { path } = usePlace()
  useEffect(dress, [theme])
  useEffect(() => (state === "locked" ? undefined : begin(coalesce)), [state === "locked", coalesce])
  useEffect(() => {
    document.title = `${path[1] ?? path[0] ?? "services"} - cw`
  }, [path])
  if (state === "locked") return <Locked />
  return (
    <div className={`root ${density}`}>
      <Frame>
        <Boundary at={path.join("/")}>
          <Screen />
        </Boundary>
      </Frame>
      <Sheets />
    </div>
  )
}

dress()
await open()
createRoot(document.getElementById("root")!).render(
  <Boundary at="app">
    <App />
  </Boundary>
)
