/**
 * Every code a diagnostic of cw can carry, with a one-line title and the general cure.
 * Blocks: 0xx syntax · 1xx envelope and plugin config · 2xx plugin loading · 3xx graph · 4xx sources and input files ·
 * 5xx model · 6xx transforms and checks (601–616 are the rules V1–V16) · 7xx plans · 8xx applies · 9xx safety refusals.
 * A code, once released, keeps its meaning.
 */
export const catalogue = {
  CW001: {
    title: "file is not valid YAML",
    cure: "mend the syntax at the place shown; only the first error of a document is reported"
  },
  CW002: { title: "file is not valid JSON", cure: "mend the syntax at the place shown" },
  CW003: { title: "file cannot be read", cure: "check that the path exists, is a regular file and is readable" },
  CW004: {
    title: "variable or file of an interpolation is missing",
    cure: "set it, or give a default: ${env:NAME:-default}"
  },
  CW005: { title: "file is too large or nested too deeply", cure: "make it smaller or flatter" },
  CW006: {
    title: "file holds no Kubernetes object",
    cure: "render it again; an empty or broken file is never taken for no Services"
  },

  CW101: { title: "not a pipeline document", cure: "a pipeline needs `sources` and `sinks`; `cw init` writes one" },
  CW102: { title: "unknown key", cure: "remove or rename the key; `cw explain` lists the keys" },
  CW103: { title: "missing key", cure: "add the key" },
  CW104: { title: "node is never used", cure: "name it in a `from`, or set `enabled: false`" },
  CW105: { title: "value of the wrong type or form", cure: "`cw explain` tells what it takes" },
  CW106: {
    title: "bad node name",
    cure: "use a lower-case letter, then letters, digits and dashes; one name for one node"
  },
  CW107: { title: "duplicate pipeline name", cure: "give each document its own metadata.name" },
  CW108: { title: "apiVersion is missing", cure: "add `apiVersion: coddiwomple.io/v1alpha1`" },
  CW109: { title: "owner id is missing", cure: "set metadata.name: it marks what this pipeline owns" },

  CW201: { title: "unknown plugin", cure: "`cw list` shows the plugins; a loose plugin is named by its path" },
  CW202: { title: "plugin cannot be loaded", cure: "mend the module; its own error is shown" },
  CW203: { title: "module is not a cw plugin", cure: "export default Source|Transform|Check|Sink.make({…})" },
  CW204: { title: "plugin was built for another plugin API", cure: "install a version of the plugin for this cw" },
  CW205: { title: "plugin is of the wrong kind for its place", cure: "move the node to the section of its kind" },
  CW206: { title: "plugin cannot start", cure: "mend its configuration or what it needs" },
  CW208: {
    title: "configuration of a plugin cannot become JSON Schema",
    cure: "use Schemas that are written as text, numbers, booleans, lists and mappings, as Schema.DateFromString"
  },
  CW207: { title: "plugins are switched off", cure: "run without --no-plugins if you trust the file" },

  CW301: { title: "unknown node in `from`", cure: "name a node of this pipeline" },
  CW302: { title: "nodes form a cycle", cure: "remove one of the edges shown" },
  CW303: {
    title: "node cannot read from that node",
    cure: "sources feed the model, transforms feed transforms, checks and sinks"
  },
  CW304: { title: "node named twice in `from`", cure: "remove the duplicate" },
  CW305: { title: "two sinks write one target", cure: "give each sink its own target" },
  CW306: { title: "sink cannot delete, so it cannot be `policy: sync`", cure: "use policy: upsert-only" },
  CW307: { title: "sink does not accept what the node produces", cure: "remove it from `from`" },

  CW401: { title: "input file is not of the expected form", cure: "the README of the source lists what it reads" },
  CW402: { title: "unknown key in an input file", cure: "remove or rename the key" },
  CW403: { title: "deprecated spelling in an input file", cure: "use the current spelling" },
  CW404: { title: "duplicate name in an input file", cure: "keep one of the entries" },
  CW405: { title: "source failed", cure: "see the cause" },
  CW406: {
    title: "partition is stale",
    cure: "the last good facts stay in force; deletes are held until it answers again"
  },
  CW407: { title: "partition was never read", cure: "deletes are held until it answers" },
  CW408: { title: "name is not a DNS label", cure: "use lower-case letters, digits and dashes, at most 63 characters" },
  CW409: { title: "object is left out", cure: "see the reason" },
  CW420: { title: "kubeconfig cannot be read", cure: "check that the path exists and is readable" },
  CW421: { title: "kubeconfig is malformed", cure: "mend the entry at the place shown" },
  CW422: { title: "kubeconfig has no such context", cure: "`kubectl config get-contexts` shows the contexts" },
  CW423: { title: "credentials cannot be had", cure: "run the credential plugin by hand, or sign in again" },
  CW424: { title: "certificate is refused", cure: "see the reason" },
  CW425: { title: "cluster does not answer", cure: "check the address, the network and that the API server runs" },
  CW426: { title: "server is no Kubernetes API", cure: "check `server` in the kubeconfig" },
  CW427: { title: "cluster refuses the credentials", cure: "sign in again, or renew the token or certificate" },
  CW428: {
    title: "right is missing in the cluster",
    cure: "grant it with a ClusterRole; the README of the plugin has one"
  },
  CW429: { title: "cluster is not in the fleet", cure: "correct the name, or let a source name the cluster" },

  CW501: { title: "service names an unknown cluster", cure: "add the cluster, or correct the name" },
  CW502: { title: "service has no backends", cure: "name at least one cluster that runs it" },
  CW503: { title: "two services claim one host", cure: "give one of them another dns prefix" },
  CW504: { title: "sources disagree about a service", cure: "make them agree, or set model.prefer" },
  CW505: { title: "sources disagree about a cluster", cure: "make them agree, or set model.prefer" },
  CW506: {
    title: "host name is not valid",
    cure: "labels of letters, digits and dashes, at most 63 each and 253 in all"
  },
  CW507: { title: "port is not valid", cure: "1 to 65535, unique names and numbers, a known protocol" },
  CW508: { title: "address is not valid", cure: "use an IP address outside loopback, multicast and 240.240.0.0/16" },
  CW509: { title: "address range is used up", cure: "widen model.addresses.range" },
  CW510: { title: "address lock file is not valid", cure: "restore it from version control" },
  CW511: { title: "service has backends but no declaration", cure: "declare the service, or remove the backend" },
  CW512: { title: "two services claim one address and port", cure: "give one of them another address or port" },
  CW513: { title: "cluster is not usable", cure: "correct what the finding names; services in it are held until then" },
  CW514: {
    title: "declared address was given to another service before",
    cure: "declare another address, or give the other service one of its own"
  },
  CW515: {
    title: "backend is not the full name of a Kubernetes Service",
    cure: "write <name>.<namespace>.svc.<domain of the cluster>"
  },
  CW516: {
    title: "address lock file was changed by someone else meanwhile",
    cure: "run again: the addresses of the file count then"
  },

  CW601: {
    title: "V1: invalid DNS name",
    cure: "labels of letters, digits and dashes, at most 63 each and 255 in all; the last not all digits"
  },
  CW602: { title: "V2: invalid ServiceEntry hosts", cure: "1 to 256 hosts, none of them `*`" },
  CW603: {
    title: "V3: invalid ServiceEntry ports",
    cure: "DNS-label names, unique names and numbers, 1 to 65535, at most 256, a known protocol"
  },
  CW604: { title: "V4: several hosts with a TCP port", cure: "one ServiceEntry per host" },
  CW605: { title: "V5: invalid ServiceEntry addresses", cure: "CIDR only with NONE or STATIC resolution; at most 256" },
  CW606: {
    title: "V6: invalid ServiceEntry endpoints",
    cure: "match endpoints to the resolution; port keys must be port names"
  },
  CW607: { title: "V7: TCP without an address", cure: "give the service an address" },
  CW608: { title: "V8: addresses with several hosts and TCP ports", cure: "one ServiceEntry per host" },
  CW609: { title: "V9: invalid exportTo", cure: "no duplicates; `*` and `~` stand alone" },
  CW610: {
    title: "V10: invalid Gateway",
    cure: "DNS-label name, unique port names, tls exactly for TLS and HTTPS, hosts with a dot"
  },
  CW611: { title: "V11: invalid VirtualService", cure: "at least one route with destinations; sniHosts within hosts" },
  CW612: {
    title: "V12: invalid DestinationRule",
    cure: "host, a non-empty policy, and at most one of distribute, failover, failoverPriority"
  },
  CW613: { title: "V13: invalid duration", cure: "at least 1ms, in whole milliseconds, below 292 years" },
  CW614: { title: "V14: annotation that Istio always refuses", cure: "remove the annotation" },
  CW615: {
    title: "V15: invalid object metadata",
    cure: "name at most 253 characters (63 for labels), label values at most 63"
  },
  CW616: { title: "V16: annotations too large", cure: "at most 262144 bytes in all" },
  CW620: { title: "transform failed", cure: "see the cause; the last good generation stays in force" },
  CW621: { title: "two artifacts have one identity", cure: "rename one, or remove one of the two nodes named" },
  CW622: { title: "check refused the generation", cure: "see the findings; the last good generation stays in force" },
  CW623: { title: "check failed", cure: "see the cause" },
  CW624: { title: "two services need one gateway port", cure: "use another service port for one of them" },
  CW625: { title: "service cannot be rendered", cure: "see the reason" },
  CW626: { title: "output is not deterministic", cure: "a transform must depend on its input alone" },
  CW627: {
    title: "backend cannot be reached from other clusters",
    cure: "give its cluster the address of its gateway"
  },
  CW628: { title: "setting has no effect here", cure: "leave it out, or change what keeps it from having one" },
  CW629: { title: "clusters do not fit together", cure: "see the reason" },
  CW630: { title: "call cannot be delivered", cure: "see the steps" },
  CW631: { title: "route forms a loop", cure: "see the steps" },
  CW632: { title: "call would cross clusters in plaintext", cure: "use profile mtls or tls, or permit plaintext" },
  CW633: { title: "call ends where it should not", cure: "see the steps of `cw trace`" },
  CW634: { title: "two objects claim one host in one cluster", cure: "keep one of them" },
  CW635: { title: "call has no failover, or in the wrong order", cure: "see the steps of `cw trace`" },
  CW636: { title: "objects that crash istiod", cure: "remove one of the settings named" },
  CW640: { title: "exec command is not allowed", cure: "name it in the pipeline file and run without --no-plugins" },
  CW641: { title: "exec command failed", cure: "see its standard error" },
  CW642: { title: "exec command printed nothing", cure: "it must print a ResourceList" },
  CW643: { title: "exec command printed something other than a ResourceList", cure: "print logs to standard error" },
  CW644: { title: "exec command ran too long or grew too large", cure: "raise `time` or `memory`" },
  CW645: { title: "exec command did not return every object", cure: "return every item, or set `removes: true`" },
  CW646: { title: "finding of an exec command", cure: "see the command's own documentation" },
  CW650: { title: "DNS configuration is refused", cure: "see the reason" },

  CW680: { title: "expectation of a test is not met", cure: "mend the pipeline, or what the test expects" },
  CW681: { title: "output differs from the golden file", cure: "read the difference; `cw test --update` accepts it" },
  CW682: { title: "test failed", cure: "see the reason" },

  CW701: { title: "plan failed", cure: "see the cause; other sinks are not affected" },
  CW702: { title: "target holds something that cw does not own", cure: "move it away, or adopt it on purpose" },
  CW703: { title: "file was changed by someone else", cure: "restore it, or remove it; cw keeps it" },
  CW704: { title: "unsafe path", cure: "names become paths only if every segment is safe" },
  CW705: { title: "inventory cannot be read", cure: "restore it; without it nothing is deleted" },
  CW706: { title: "target belongs to another pipeline", cure: "use another target, or the pipeline name that owns it" },
  CW707: { title: "namespace is missing", cure: "create it, or set createNamespaces: true" },
  CW708: { title: "kind is not known to the cluster", cure: "install the CustomResourceDefinition" },
  CW710: {
    title: "cluster changes what cw writes",
    cure: "an admission webhook or a default rewrites the field; write its form"
  },
  CW709: { title: "field is owned by another manager", cure: "see who owns it; force only on purpose" },

  CW711: { title: "branch was changed by someone else", cure: "merge or delete the branch; cw never overwrites it" },
  CW712: { title: "Git remote cannot be used", cure: "see the reason" },

  CW801: { title: "apply failed", cure: "see the cause; other targets are not affected" },
  CW802: { title: "outcome is unknown", cure: "the next run finds out" },
  CW803: { title: "sink failed", cure: "see the cause; it is retried on its own clock" },
  CW804: { title: "target is locked by another cw", cure: "wait for it to end" },
  CW805: { title: "remote refused the push", cure: "see what it said; the commit was not made there" },
  CW806: { title: "pull request cannot be made", cure: "see what the server said; the branch is pushed" },

  CW901: {
    title: "deletes and updates of what is made of all services are held: not every partition is fresh",
    cure: "wait until every source answers, mend entries that cannot be read"
  },
  CW902: {
    title: "deletes are held: more than the guard allows",
    cure: "look at the plan, then run with --allow-deletes"
  },
  CW903: { title: "deletes are held: an apply failed in this target", cure: "mend the failure; the next run deletes" },
  CW904: { title: "saved plan is refused", cure: "plan again: inputs or live state moved" },
  CW905: { title: "service is held", cure: "mend the service; its live objects stay as they are" },
  CW906: { title: "deletes are held: policy is upsert-only", cure: "set policy: sync" }
} as const

/** A code of the catalogue. */
export type Code = keyof typeof catalogue
