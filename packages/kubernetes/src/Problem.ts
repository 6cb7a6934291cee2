/**
 * An error of an API server as a person reads it: which cluster, the cause in one line, and what to do about it.
 */
import type { Code } from "@coddiwomple/core/Catalogue"
import * as Diagnostic from "@coddiwomple/core/Diagnostic"
import * as UrlCredentials from "@coddiwomple/core/UrlCredentials"
import type { ApiError } from "./ApiError.ts"
import type { Context } from "./Context.ts"

interface Reading {
  readonly code: Code
  readonly cause: string
  readonly help?: string | undefined
}

const certificate = (message: string): Reading => {
  if (/expired|CERT_HAS_EXPIRED|CertificateExpired/i.test(message)) {
    return {
      code: "CW424",
      cause: "the certificate of the server has expired",
      help: "renew the server's certificate"
    }
  }
  if (/altname|not valid for name|NotValidForName|HOSTNAME_MISMATCH/i.test(message)) {
    return {
      code: "CW424",
      cause: `the certificate of the server is for another name: ${message
        .replace(/^Hostname\/IP does not match certificate's altnames: /, "")
        .replace(/ \(ERR_TLS_CERT_ALTNAME_INVALID\)$/, "")
        .replace(/:\s*$/, "")}`,
      help: "use a name of the certificate as `server`, or set tls-server-name in the kubeconfig"
    }
  }
  return {
    code: "CW424",
    cause: `the certificate of the server is not signed by the certificate-authority of the kubeconfig: ${message}`,
    help: "take certificate-authority-data from this cluster; after a reinstall it is another one"
  }
}

export const userOf = (context: Context): string => `the user of context ${JSON.stringify(context.name)}`

const reading = (error: ApiError, context: Context): Reading => {
  const server = UrlCredentials.remove(context.server)
  switch (error.reason) {
    case "Unreachable":
      return { code: "CW425", cause: `${server} does not answer: ${error.message}` }
    case "Lost":
      return { code: "CW425", cause: `${server} gave no answer: ${error.message}` }
    case "Certificate":
      return certificate(error.message)
    case "Credentials":
      return {
        code: "CW423",
        cause: error.message,
        help: error.message.includes("is not installed")
          ? "install it, or put the folder it is in on the PATH of cw"
          : undefined
      }
    case "NotApi":
      return { code: "CW426", cause: `${server} is no Kubernetes API: ${error.message}` }
    case "Unauthorized":
      return { code: "CW427", cause: `${server} does not accept ${userOf(context)}: ${error.message}` }
    case "Forbidden":
      return { code: "CW428", cause: error.message }
    case "Busy":
      return { code: "CW425", cause: `${server} is too busy: ${error.message}` }
    case "Full":
      return {
        code: "CW425",
        cause: `the database of ${server} is full: ${error.message}`,
        help: "free or raise its quota; until then nothing can be written"
      }
    default:
      return { code: "CW425", cause: `${server} failed: ${error.message}` }
  }
}

export const diagnose = (
  cluster: string,
  context: Context,
  error: ApiError,
  severity: Diagnostic.Severity = "error"
): Diagnostic.Diagnostic => {
  const { code, cause, help } = reading(error, context)
  return {
    ...Diagnostic.error(code, `cluster ${cluster}: ${cause}`, { place: { file: context.file }, help }),
    severity
  }
}

/** The same for a cluster whose kubeconfig is already wrong. */
export const named = (
  cluster: string,
  diagnostics: ReadonlyArray<Diagnostic.Diagnostic>
): ReadonlyArray<Diagnostic.Diagnostic> =>
  diagnostics.map((d) => ({ ...d, message: `cluster ${cluster}: ${d.message}` }))
