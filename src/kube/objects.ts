/**
 * What is kept of the cluster's objects: the fields that Fairway reads, under their Kubernetes names. Collections are always present,
 * empty where the API server left them out; everything else is absent where it was absent. Cached objects are shared: never edit one.
 */

export type IpFamily = 'IPv4' | 'IPv6'

export interface ObjectMeta {
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
}

export interface NamespacedMeta extends ObjectMeta {
  readonly namespace: string
}

/** What every cached object has. Cluster-scoped objects have no namespace. */
export interface KubeObject {
  readonly metadata: ObjectMeta & { readonly namespace?: string | undefined }
}

export interface ServiceMeta extends NamespacedMeta {
  readonly generation?: number | undefined
  readonly creationTimestamp?: string | undefined
  readonly deletionTimestamp?: string | undefined
  /** Those under `fairway.dev/` only. */
  readonly annotations: Readonly<Record<string, string>>
  readonly finalizers: readonly string[]
}

export interface ServicePort {
  readonly name?: string | undefined
  /** The API server defaults it to TCP. SCTP exists and is nobody's here. */
  readonly protocol: 'TCP' | 'UDP' | 'SCTP'
  readonly port: number
  readonly targetPort?: number | string | undefined
  /** Absent where none is allocated (`allocateLoadBalancerNodePorts: false`, ClusterIP). */
  readonly nodePort?: number | undefined
}

export interface ServiceSpec {
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName'
  readonly ports: readonly ServicePort[]
  readonly externalTrafficPolicy?: 'Cluster' | 'Local' | undefined
  readonly healthCheckNodePort?: number | undefined
  readonly loadBalancerClass?: string | undefined
  readonly loadBalancerIP?: string | undefined
  readonly loadBalancerSourceRanges: readonly string[]
  readonly ipFamilies: readonly IpFamily[]
  readonly ipFamilyPolicy?: 'SingleStack' | 'PreferDualStack' | 'RequireDualStack' | undefined
  readonly sessionAffinity?: 'None' | 'ClientIP' | undefined
  readonly sessionAffinityConfig?:
    | { readonly clientIP?: { readonly timeoutSeconds?: number | undefined } | undefined }
    | undefined
  readonly allocateLoadBalancerNodePorts?: boolean | undefined
  readonly publishNotReadyAddresses?: boolean | undefined
}

export interface PortStatus {
  readonly port: number
  readonly protocol: string
  readonly error?: string | undefined
}

export interface IngressStatus {
  readonly ip?: string | undefined
  readonly hostname?: string | undefined
  /** Kubernetes 1.30 and newer (beta in 1.30, alpha in 1.29); older API servers drop it. */
  readonly ipMode?: 'VIP' | 'Proxy' | undefined
  readonly ports: readonly PortStatus[]
}

export interface ServiceCondition {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
  readonly lastTransitionTime: string
  readonly observedGeneration?: number | undefined
}

export interface ServiceStatus {
  readonly loadBalancer: { readonly ingress: readonly IngressStatus[] }
  /** Those under `fairway.dev/` only. */
  readonly conditions: readonly ServiceCondition[]
}

export interface ServiceObject extends KubeObject {
  readonly metadata: ServiceMeta
  readonly spec: ServiceSpec
  readonly status: ServiceStatus
}

export interface Taint {
  readonly key: string
  readonly value?: string | undefined
  readonly effect: string
}

export interface NodeAddress {
  /** `InternalIP`, `ExternalIP`, `Hostname`, `InternalDNS`, `ExternalDNS`, or what a cloud provider made up. */
  readonly type: string
  /** Anything: the API server does not check it. */
  readonly address: string
}

export interface NodeObject extends KubeObject {
  readonly metadata: ObjectMeta & {
    readonly deletionTimestamp?: string | undefined
    readonly labels: Readonly<Record<string, string>>
  }
  readonly spec: { readonly unschedulable?: boolean | undefined; readonly taints: readonly Taint[] }
  readonly status: {
    readonly addresses: readonly NodeAddress[]
    /** Status of the condition `Ready`; absent where the node never reported one. */
    readonly ready?: 'True' | 'False' | 'Unknown' | undefined
  }
}

export interface Endpoint {
  readonly addresses: readonly string[]
  /** Absent means unknown: `ready` counts as true, `serving` as `ready`, `terminating` as false (discovery.k8s.io/v1). */
  readonly conditions: {
    readonly ready?: boolean | undefined
    readonly serving?: boolean | undefined
    readonly terminating?: boolean | undefined
  }
  readonly nodeName?: string | undefined
}

export interface EndpointPort {
  /** Empty for the only, unnamed port of a Service. */
  readonly name: string
  readonly protocol: 'TCP' | 'UDP' | 'SCTP'
  /** Absent: all ports, as the consumer understands it. */
  readonly port?: number | undefined
}

export interface EndpointSliceObject extends KubeObject {
  readonly metadata: NamespacedMeta
  /** Name of the Service, from the label `kubernetes.io/service-name`. Slices without it are not kept. */
  readonly service: string
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN'
  readonly endpoints: readonly Endpoint[]
  readonly ports: readonly EndpointPort[]
}
