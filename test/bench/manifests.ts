/** The manifests source against the `yaml` package on the same bytes, and twice the input against once. */
import { Manifest, type Rules } from "@coddiwomple/source-manifests/Manifest"
import { parseAllDocuments } from "yaml"
import { atMost, type Figure, median } from "./Measure.ts"

const service = (i: number): string => `apiVersion: v1
kind: Service
metadata:
  labels:
    app.kubernetes.io/name: svc-${i}
    team: web
  name: svc-${i}
  namespace: shop
spec:
  clusterIP: 10.0.${i >> 8}.${i & 255}
  ports:
  - name: http
    port: 80
    protocol: TCP
    targetPort: 8080
  - name: grpc
    port: 9090
    protocol: TCP
    targetPort: 9090
  selector:
    app.kubernetes.io/name: svc-${i}
  type: ClusterIP
`

/** As Helm prints a chart: mostly other things. */
const deployment = (i: number): string => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: svc-${i}
  namespace: shop
spec:
  template:
    spec:
      containers:
      - name: app
        image: example.com/svc-${i}:1
        env:
${Array.from({ length: 20 }, (_, e) => `        - {name: KEY_${e}, value: "value ${e}"}`).join("\n")}
`

const rules: Rules = {
  naming: { cluster: "a", domain: "cluster.local", bareNames: new Set() },
  namespace: "default",
  counts: () => true
}

/** Milliseconds of processor time: the machine has other things to do. */
const cost = (run: () => void): number => {
  const before = process.cpuUsage()
  run()
  return process.cpuUsage(before).user / 1000
}

const ours = (text: string) => cost(() => void new Manifest("x", rules).take(text))
const theirs = (text: string) =>
  cost(() => {
    const all = parseAllDocuments(text)
    if (Array.isArray(all)) for (const document of all) document.toJS()
  })

export default async (): Promise<ReadonlyArray<Figure>> => {
  const count = 2000
  const numbers = Array.from({ length: count }, (_, i) => i)
  const stream = Buffer.from(numbers.map(service).join("---\n")).toString()
  const list = `apiVersion: v1\nitems:\n${numbers.map((i) => `- ${service(i).trimEnd().replaceAll("\n", "\n  ")}\n`).join("")}kind: List\n`
  const chart = numbers
    .slice(0, 400)
    .map((i) => `${service(i)}---\n${deployment(i)}`)
    .join("---\n")
  // As from a file: one flat text, not a concatenation that is still to be made.
  const double = Buffer.from(`${stream}---\n${numbers.map((i) => service(i + count)).join("---\n")}`).toString()
  const rounds = Array.from({ length: 8 }, () => ({
    stream: ours(stream) / theirs(stream),
    list: ours(list) / theirs(list),
    chart: ours(chart) / theirs(chart),
    twice: ours(double) / ours(stream)
  })).slice(1)
  const rate = (pick: (r: (typeof rounds)[number]) => number) => 1 / median(rounds.map(pick))
  const figure = (what: string, value: number): Figure => ({
    what,
    value: `${(value * 100).toFixed(0)} %`,
    target: "≥ 80 %",
    ok: value >= 0.8
  })
  return [
    figure(
      "Services in a stream, rate against the yaml package",
      rate((r) => r.stream)
    ),
    figure(
      "a List of Services, as kubectl prints it",
      rate((r) => r.list)
    ),
    figure(
      "a chart: Services among Deployments",
      rate((r) => r.chart)
    ),
    atMost("twice the input", median(rounds.map((r) => r.twice)), 2.2)
  ]
}
