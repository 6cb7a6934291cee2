/** For tests of files: a desired state by hand, a temporary folder, and a file system that stops or fails at a step. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import { systemError } from "effect/PlatformError"
import { Desired } from "../src/Desired.ts"
import { type ProcessIdentity, CurrentProcess } from "../src/FileLock.ts"
import { Host } from "../src/Host.ts"
import { Fleet } from "../src/Model.ts"

/** Every call says that everything may have changed: what a sink must be able to live with. */
export const desired = (generation: number): Desired =>
  new Desired({
    pipeline: "test",
    model: {
      generation,
      fleet: new Fleet([], "global"),
      services: HashMap.empty(),
      held: HashMap.empty(),
      touched: new Set(),
      fleetChanged: false,
      partitions: [],
      diagnostics: []
    },
    groups: HashMap.empty(),
    held: new Map(),
    history: () => ({ all: true, groups: new Set() })
  })

export interface Folder {
  readonly root: string
  readonly at: (name: string) => string
  readonly write: (name: string, text: string) => void
  readonly read: (name: string) => string
  /** Every file (text), link and empty folder below the root. Without `records`, cw's own folder does not count. */
  readonly all: (records?: boolean) => Record<string, string>
  readonly [Symbol.dispose]: () => void
}

export const folder = (): Folder => {
  const root = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), "cw-files-"))
  const at = (name: string) => path.join(root, name)
  const walk = (name: string, records: boolean, out: Record<string, string>) => {
    const entries = fs.readdirSync(at(name), { withFileTypes: true })
    if (entries.length === 0 && name !== "") out[`${name}/`] = ""
    for (const entry of entries) {
      const full = name === "" ? entry.name : `${name}/${entry.name}`
      if (full === ".cw" && !records) continue
      if (entry.isDirectory()) walk(full, records, out)
      else out[full] = entry.isFile() ? fs.readFileSync(at(full), "utf8") : "not a file"
    }
    return out
  }
  return {
    root,
    at,
    write: (name, text) => {
      fs.mkdirSync(path.dirname(at(name)), { recursive: true })
      fs.writeFileSync(at(name), text)
    },
    read: (name) => fs.readFileSync(at(name), "utf8"),
    all: (records = false) => walk("", records, {}),
    [Symbol.dispose]: () => fs.rmSync(root, { recursive: true, force: true })
  }
}

/** Around every primitive call that may change something or read. */
export type Around = (
  op: string,
  target: string,
  call: Effect.Effect<any, any, any>,
  half: Effect.Effect<any, any, any> | undefined
) => Effect.Effect<any, any, any>

const halfOf = (bytes: Uint8Array) => bytes.subarray(0, bytes.length >>> 1)

const wrap = (real: FileSystem.FileSystem, around: Around): FileSystem.FileSystem => {
  const own = real as unknown as Record<string, (...args: Array<any>) => Effect.Effect<any, any, any>>
  const out: Record<string, unknown> = { ...real }
  for (const op of ["lstat", "stat", "makeDirectory", "readDirectory", "remove", "rename", "utimes", "readFile"]) {
    out[op] = (...args: Array<any>) => around(op, String(args[0]), own[op]!(...args), undefined)
  }
  out.writeFile = (file: string, bytes: Uint8Array, options: object) =>
    around("writeFile", file, real.writeFile(file, bytes, options), real.writeFile(file, halfOf(bytes), options))
  out.open = (file: string, options: object) =>
    Effect.map(around("open", file, real.open(file, options), undefined), (handle: FileSystem.File) => ({
      ...handle,
      [FileSystem.FileTypeId]: FileSystem.FileTypeId,
      // To wait for the disk would test the disk.
      sync: around("sync", file, Effect.void, undefined),
      read: (buffer: Uint8Array) => around("read", file, handle.read(buffer), undefined),
      writeAll: (bytes: Uint8Array) => around("writeAll", file, handle.writeAll(bytes), handle.writeAll(halfOf(bytes)))
    }))
  return FileSystem.make(out as unknown as Parameters<typeof FileSystem.make>[0])
}

export interface World {
  readonly directory: string
  readonly around?: Around
  readonly process?: ProcessIdentity
  readonly finite?: boolean
  readonly pipeline?: string
}

/** A process: the services that a plugin may ask for, over real files. */
export const services = (world: World): Layer.Layer<FileSystem.FileSystem | Path.Path | Host> =>
  Layer.mergeAll(
    Layer.effect(
      FileSystem.FileSystem,
      Effect.map(FileSystem.FileSystem, (real) => wrap(real, world.around ?? ((_op, _target, call) => call)))
    ).pipe(Layer.provide(NodeFileSystem.layer)),
    Path.layer,
    Layer.succeed(Host, {
      directory: world.directory,
      pipeline: world.pipeline ?? "test",
      finite: world.finite ?? true,
      stdout: () => Effect.void,
      cacheDirectory: undefined
    })
  )

/** Runs as one process. */
export const run = <A, E>(
  world: World,
  effect: Effect.Effect<A, E, FileSystem.FileSystem | Path.Path | Host>,
  options: { readonly signal?: AbortSignal } = {}
): Promise<A> => {
  const provided = Effect.provide(effect, services(world))
  return Effect.runPromise(
    world.process === undefined ? provided : Effect.provideService(provided, CurrentProcess, world.process),
    options
  )
}

export const enospc = (op: string, target: string) =>
  systemError({
    module: "FileSystem",
    method: op,
    _tag: "Unknown",
    pathOrDescriptor: target,
    cause: Object.assign(new Error(`ENOSPC: no space left on device, ${op} '${target}'`), { code: "ENOSPC" })
  })
