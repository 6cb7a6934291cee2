/** Configuration of the files sink. */
import { defaultLayout, parse } from "@coddiwomple/core/Layout"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const flag = (description: string, fallback: boolean) =>
  Schema.Boolean.annotate({ description, default: fallback }).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(fallback))
  )

export const Config = Schema.Struct({
  path: Schema.NonEmptyString.annotate({
    description:
      "Folder to write to. Relative to the pipeline file, or to the home folder with ~/. Made when it is missing.",
    examples: ["clusters"]
  }),
  layout: Schema.String.check(
    Schema.makeFilter((template: string) => {
      const layout = parse(template)
      return "problem" in layout ? layout.problem : true
    })
  )
    .annotate({
      description:
        "Path of an object below `path`. {cluster} must be a whole segment behind fixed ones; {kind} and {name} are needed; {namespace} is _cluster and {service} is _fleet where an object has none; {group} is the API group. Kinds get their group appended where two objects would share a path.",
      default: defaultLayout,
      examples: ["clusters/{cluster}/{service}/{namespace}-{kind}-{name}.yaml"]
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed(defaultLayout))),
  single: flag(
    "One manifest.yaml per cluster instead of one file per object. Meant for small fleets: each change rewrites it.",
    false
  ),
  kustomization: flag(
    "A kustomization.yaml per cluster that names every file of an object, also those that are held.",
    true
  ),
  adopt: flag("Take over files that are there already and differ. Otherwise they are conflicts (CW702).", false),
  overwrite: flag("Replace own files that somebody changed. Otherwise they are conflicts (CW703).", false),
  fsync: Schema.Literals(["auto", "always", "never"])
    .annotate({
      description:
        "What must reach the disk before cw goes on. auto: folders and cw's own records. always: every file too. never: nothing; a loss of power can then leave empty files.",
      default: "auto"
    })
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("auto" as const)))
}).annotate({ identifier: "SinkFiles", description: "Files below a folder, one folder per cluster" })

export type Config = typeof Config.Type
