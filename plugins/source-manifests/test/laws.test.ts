/** The laws that every source keeps. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { laws, type Platform, Worlds } from "@coddiwomple/testing"
import { afterAll, describe, it } from "vitest"
import manifests from "../src/index.ts"
import { service } from "./Reading.ts"

const world = Worlds.directory()
afterAll(world.dispose)

const write = (...names: ReadonlyArray<string>) => {
  world.write("a/services.yaml", names.map((n) => service(n)).join("---\n"))
  world.write("b/foo.yaml", service("foo"))
}
const of = (cluster: string, ...names: ReadonlyArray<string>) =>
  names.flatMap((n) => [`service/${n}.shop`, `backend/${n}.shop/${cluster}`])

describe("laws", () => {
  for (const law of laws({
    plugin: manifests,
    platform: NodeServices.layer as Platform,
    directory: world.directory,
    config: { clusters: { a: { paths: ["a"], addresses: ["192.0.2.1"] }, b: { paths: ["b/*.yaml"] } }, watch: true },
    rejects: [
      {},
      { clusters: { a: {} } },
      { clusters: { a: { paths: [] } } },
      { clusters: { a: { paths: ["x"], region: 1 } } },
      { clusters: {}, bareNames: "x" }
    ],
    worlds: [
      {
        title: "folders and globs",
        arrange: () => write("foo", "bar"),
        expect: { a: ["cluster/a", ...of("a", "foo", "bar")], b: of("b", "foo") }
      },
      {
        title: "a Service that cannot be used",
        arrange: () => {
          write("foo")
          world.write("a/bad.yaml", service("bar").replace("port: 80", "port: eighty"))
        },
        expect: { a: { facts: ["cluster/a", ...of("a", "foo")], bad: 1 }, b: of("b", "foo") }
      },
      { title: "a broken file", arrange: () => world.write("a/bad.yaml", "kind: Service\n  x: [\n"), expect: "fails" },
      { title: "a folder without a manifest", arrange: () => world.remove("a"), expect: "fails" }
    ],
    reconnect: {
      arrange: () => {
        world.remove("a")
        write("foo", "bar")
      },
      before: { a: ["cluster/a", ...of("a", "foo", "bar")], b: of("b", "foo") },
      lose: () => world.remove("a/services.yaml"),
      restore: () => write("bar", "new"),
      after: { a: ["cluster/a", ...of("a", "bar", "new")], b: of("b", "foo") },
      within: 8000
    }
  }))
    it(`${law.name}: ${law.title}`, law.run, law.timeout)
})
