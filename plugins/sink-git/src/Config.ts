/** Configuration of the Git sink. Secrets are redacted, and come from `${file:…}` or `${env:…}`. */
import { DurationText } from "@coddiwomple/core/DurationText"
import { parse } from "@coddiwomple/core/Layout"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { branchPattern, branchProblem, urlPattern, urlProblem } from "./Remote.ts"

const flag = (description: string, fallback: boolean) =>
  Schema.Boolean.annotate({ description, default: fallback }).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(fallback))
  )

/** A test with its approximation in JSON Schema, where editors look. */
const checked = (problem: (text: string) => string | undefined, pattern: string) =>
  Schema.NonEmptyString.check(
    Schema.makeFilter((text: string) => problem(text) ?? true, { toJsonSchema: () => ({ pattern }) })
  )

/** A line of a commit: no line breaks, nothing that Git strips from identities. */
const line = checked(
  (text) => (/[\n\r\0<>]/.test(text) ? "no line breaks and no < or >" : undefined),
  "^[^\\n\\r\\u0000<>]+$"
)

/** Words that become trailers; a value may have no line break. */
const trailerKey = checked(
  (text) => (/^[A-Za-z][A-Za-z0-9-]*$/.test(text) ? undefined : "letters, digits and dashes"),
  "^[A-Za-z][A-Za-z0-9-]*$"
)
const trailerText = checked((text) => (/[\n\r\0]/.test(text) ? "no line breaks" : undefined), "^[^\\n\\r\\u0000]+$")

const Identity = Schema.Struct({
  name: line
    .annotate({ description: "Name of author and committer", default: "cw" })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("cw"))),
  email: line
    .annotate({
      description:
        "Address of author and committer. It tells cw's commits from those of people: nobody else may use it.",
      default: "cw@coddiwomple.invalid"
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("cw@coddiwomple.invalid")))
})

const PullRequest = Schema.Struct({
  provider: Schema.Literals(["github"])
    .annotate({ description: "Whose API is spoken", default: "github" })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("github" as const))),
  branch: Schema.optionalKey(
    checked(branchProblem, branchPattern).annotate({
      description:
        "Branch that cw pushes to. Default cw/<name of the pipeline>. A branch that somebody else changed is left alone (CW711).",
      examples: ["cw/bookinfo"]
    })
  ),
  title: Schema.optionalKey(
    line.annotate({ description: "Title of the pull request. Default: the title of the commit" })
  ),
  body: Schema.optionalKey(Schema.String.annotate({ description: "Text above the counts in the pull request" })),
  repository: Schema.optionalKey(
    checked(
      (text) => (/^[\w.-]+\/[\w.-]+$/.test(text) ? undefined : "write owner/name"),
      "^[\\w.-]+/[\\w.-]+$"
    ).annotate({
      description: "owner/name. Default: taken from `url`",
      examples: ["acme/fleet"]
    })
  ),
  api: Schema.optionalKey(
    checked(
      (text) => (/^https?:\/\/[^\s@]+$/.test(text) ? undefined : "an http(s) URL without user name"),
      "^https?://[^\\s@]+$"
    ).annotate({
      description: "Base of the REST API. Default https://api.github.com, or https://<host>/api/v3 for other hosts",
      examples: ["https://github.example.com/api/v3"]
    })
  )
})

export const Config = Schema.Struct({
  url: checked(urlProblem, urlPattern).annotate({
    description:
      "Repository: https://, ssh://, git@host:path, file:// or a local path (relative to the pipeline file, or to the home folder with ~/). Without user name and password: those go into `username` and `token`.",
    examples: ["https://github.com/acme/fleet.git", "git@github.com:acme/fleet.git"]
  }),
  branch: checked(branchProblem, branchPattern)
    .annotate({
      description: "Branch that is pushed to, or that the pull request is for. Made when it is missing.",
      default: "main"
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("main"))),
  path: checked(
    (text) => (/^[^{}]*\{cluster\}(\/|$)/.test(text) ? undefined : "it needs {cluster} behind fixed segments"),
    "^(?!\\.|.*/\\.)([^{}/]+/)*\\{cluster\\}(/[^/]+)*$"
  )
    .annotate({
      description: "Folder of a cluster in the repository. {cluster} must be a whole segment behind fixed ones.",
      default: "{cluster}",
      examples: ["clusters/{cluster}", "clusters/{cluster}/mesh"]
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("{cluster}"))),
  layout: checked(
    (text) => (text.includes("{kind}") && text.includes("{name}") ? undefined : "it needs {kind} and {name}"),
    "^(?=.*\\{kind\\})(?=.*\\{name\\})"
  )
    .annotate({
      description:
        "Path of an object below `path`. {kind} and {name} are needed; {namespace} is _cluster and {service} is _fleet where an object has none; {group} is the API group.",
      default: "{namespace}/{kind}-{name}.yaml",
      examples: ["{service}/{namespace}-{kind}-{name}.yaml"]
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("{namespace}/{kind}-{name}.yaml"))),
  kustomization: flag(
    "A kustomization.yaml per cluster that names every file of an object, also those that are held.",
    true
  ),
  adopt: flag("Take over files that are there already and differ. Otherwise they are conflicts (CW702).", false),
  overwrite: flag("Replace own files that somebody changed. Otherwise they are conflicts (CW703).", false),
  author: Identity.annotate({ description: "Who commits" }).pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  date: Schema.Literals(["derived", "now"])
    .annotate({
      description:
        "Date of commits. derived: SOURCE_DATE_EPOCH where it is set, else one second after the commit below, so that equal input gives an equal commit. now: the clock.",
      default: "derived"
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("derived" as const))),
  trailers: Schema.Record(trailerKey, trailerText)
    .annotate({
      description: "Lines at the end of each commit message",
      examples: [{ "Signed-off-by": "cw <cw@example.com>" }]
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed({}))),
  sign: Schema.optionalKey(
    Schema.Struct({
      format: Schema.Literals(["ssh", "openpgp"])
        .annotate({ description: "Kind of the key", default: "ssh" })
        .pipe(Schema.withDecodingDefaultKey(Effect.succeed("ssh" as const))),
      key: line.annotate({
        description:
          "ssh: file of the private key, relative to the pipeline file, or to the home folder with ~/. openpgp: id of the key"
      })
    }).annotate({ description: "Signs every commit" })
  ),
  username: line
    .annotate({ description: "User name that goes with `token`", default: "x-access-token" })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("x-access-token"))),
  token: Schema.optionalKey(
    Schema.RedactedFromValue(Schema.NonEmptyString, { label: "token" }).annotate({
      description:
        "Token or password for http(s) and for pull requests: ${file:/run/secrets/token} or ${env:GITHUB_TOKEN}, never the text itself"
    })
  ),
  ssh: Schema.optionalKey(
    Schema.Struct({
      key: Schema.optionalKey(
        Schema.NonEmptyString.annotate({
          description:
            "File of the private key. Relative to the pipeline file, or to the home folder with ~/. Default: the user's keys and agent"
        })
      ),
      knownHosts: Schema.optionalKey(
        Schema.NonEmptyString.annotate({
          description:
            "File of known hosts. Relative to the pipeline file, or to the home folder with ~/. Default: the user's"
        })
      )
    }).annotate({ description: "For ssh. Hosts that are not known are refused." })
  ),
  userConfig: flag(
    "Use the Git configuration of user and system, with their credential helpers and proxies. Otherwise nothing of it counts.",
    false
  ),
  pullRequest: Schema.optionalKey(
    PullRequest.annotate({
      description: "Push to a branch of cw's own and keep one pull request for it, instead of pushing to `branch`"
    })
  ),
  budget: DurationText.annotate({
    description:
      "How long cw goes on when others push to the branch at the same time, or the server asks to wait. Default 60s"
  }).pipe(Schema.withDecodingDefaultKey(Effect.succeed("60s")))
})
  .check(
    Schema.makeFilter((c: { readonly path: string; readonly layout: string }) => {
      const layout = parse(`${c.path}/${c.layout}`)
      return "problem" in layout ? layout.problem : true
    }),
    Schema.makeFilter(
      (c: { readonly pullRequest?: object; readonly token?: unknown }) =>
        c.pullRequest === undefined || c.token !== undefined || "pullRequest needs `token`",
      { toJsonSchema: () => ({ dependentRequired: { pullRequest: ["token"] } }) }
    )
  )
  .annotate({ identifier: "SinkGit", description: "Commits to a Git branch, one folder per cluster" })

export type Config = typeof Config.Type
