// Certificates of meshes: a root, and below it workloads with a SPIFFE id or servers with a name. Node reads X.509 but
// does not write it, so openssl does.
import { execFileSync } from "node:child_process"
import { mkdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

export interface Issued {
  /** PEM. */
  readonly certificate: string
  readonly key: string
}
export interface Authority {
  readonly root: string
  /** `names`: `URI:spiffe://…` or `DNS:…`. */
  readonly issue: (label: string, names: ReadonlyArray<string>) => Issued
}

export const authority = (dir: string, label: string): Authority => {
  mkdirSync(dir, { recursive: true })
  const file = (name: string, kind: string) => join(dir, `${name}.${kind}`)
  const request = (name: string, subject: string, extensions: ReadonlyArray<string>, signer: ReadonlyArray<string>) => {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", file(name, "key")]
    const rest = extensions.flatMap((extension) => ["-addext", extension])
    const args = [
      "req",
      "-x509",
      ...key,
      "-out",
      file(name, "crt"),
      "-subj",
      subject,
      "-days",
      "30",
      ...rest,
      ...signer
    ]
    execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] })
  }
  request(label, `/O=cw test/CN=${label}`, ["keyUsage=critical,keyCertSign,cRLSign"], [])
  return {
    root: readFileSync(file(label, "crt"), "utf8"),
    issue: (name, names) => {
      const extensions = [
        "basicConstraints=critical,CA:FALSE",
        "keyUsage=critical,digitalSignature,keyEncipherment",
        "extendedKeyUsage=serverAuth,clientAuth",
        `subjectAltName=critical,${names.join(",")}`
      ]
      request(name, "/O=cw test", extensions, ["-CA", file(label, "crt"), "-CAkey", file(label, "key")])
      return { certificate: readFileSync(file(name, "crt"), "utf8"), key: readFileSync(file(name, "key"), "utf8") }
    }
  }
}
