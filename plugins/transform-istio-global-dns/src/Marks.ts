/** Labels and annotations that this transform writes and Istio or cw reads. */
import { shared } from "@coddiwomple/core/Emit"
import { isLabelValue } from "@coddiwomple/core/Labels"
import { objectName } from "@coddiwomple/core/Names"
import type { Strings } from "@coddiwomple/istio/Metadata"

/** On every object: who manages it. */
export const managedBy: Strings = { "app.kubernetes.io/managed-by": "coddiwomple" }

const serviceKey = "coddiwomple.io/service"

/** On every object of a service; where its identity is no label value, the annotation has it in full. */
export const marks = (identity: string): { readonly labels: Strings; readonly annotations?: Strings } =>
  isLabelValue(identity)
    ? { labels: shared({ ...managedBy, [serviceKey]: identity }) }
    : { labels: shared({ ...managedBy, [serviceKey]: objectName(identity) }), annotations: { [serviceKey]: identity } }

/** On endpoints: the cluster behind it. */
export const clusterKey = "coddiwomple.io/cluster"

/** On endpoints: it belongs to tier n or a nearer one. */
export const tierKey = (n: number): string => `coddiwomple.io/p${n}`

/** On endpoints: the other side takes mTLS. Without it proxies send plaintext, and gateways drop the endpoint. */
export const tlsKey = "security.istio.io/tlsMode"
export const tlsMode: Strings = { [tlsKey]: "istio" }
