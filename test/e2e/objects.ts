/** Objects of Kubernetes, as far as the tests look at them. */
export interface ServicePort {
  readonly name?: string
  readonly port: number
  readonly targetPort?: number
  readonly nodePort?: number
  readonly protocol?: 'TCP' | 'UDP'
}

export interface Ingress {
  readonly ip?: string
  readonly ipMode?: string
  readonly ports?: readonly { readonly port: number; readonly protocol: string; readonly error?: string }[]
}

export interface Service {
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly resourceVersion: string
    readonly annotations?: Readonly<Record<string, string>>
    readonly finalizers?: readonly string[]
    readonly deletionTimestamp?: string
    readonly managedFields?: readonly { readonly manager: string }[]
  }
  readonly spec: { readonly type: string; readonly ports: readonly ServicePort[] }
  readonly status: {
    readonly loadBalancer: { readonly ingress?: readonly Ingress[] }
    readonly conditions?: readonly {
      readonly type: string
      readonly status: string
      readonly reason: string
      readonly message: string
    }[]
  }
}

export interface KubeEvent {
  readonly type: string
  readonly reason: string
  readonly message: string
  readonly source: { readonly component?: string }
}

export interface List<T> {
  readonly items: readonly T[]
}

/** What a test says of a Service; everything else is the same for all. */
export interface ServiceDraft {
  readonly name: string
  readonly type?: 'LoadBalancer' | 'NodePort'
  readonly annotations?: Readonly<Record<string, string>>
  readonly ports: readonly ServicePort[]
  /** Label `app` of the pods. */
  readonly app?: string
  readonly spec?: Readonly<Record<string, unknown>>
}

/** A port that leads to the web server of the pods `web`. */
export function webPort(port: number): readonly ServicePort[] {
  return [{ port, targetPort: 8080 }]
}

export const namespace = 'e2e'

/** Class `public` by annotation, unless the draft says otherwise. */
export function serviceManifest(draft: ServiceDraft): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: draft.name,
      namespace,
      annotations: draft.annotations ?? { 'fairway.dev/class': 'public' },
    },
    spec: {
      type: draft.type ?? 'LoadBalancer',
      selector: { app: draft.app ?? 'web' },
      ports: draft.ports.map((port) => ({ name: `${port.protocol ?? 'TCP'}-${port.port}`.toLowerCase(), ...port })),
      ...draft.spec,
    },
  }
}
