/** A cluster of any size as its API server would list it: Services with all that clients and controllers leave on them, and ready nodes. */
import type { EndpointSliceObject, NodeObject, ServiceObject } from '../../src/kube/objects.ts'
import { keepService } from '../../src/kube/resources.ts'
import { compareText, serviceName } from '../../src/model/table.ts'

const CREATED = Date.UTC(2026, 0, 1)
/** Services on one address: each has two ports of its own. */
const PER_ADDRESS = 250
/** Coprime to any likely count: names say nothing of age, address and ports. */
const STRIDE = 7_919

/** The body of a list of Services, each served by class `public` on two ports, as kube-apiserver 1.36 answers (3 kB each). */
export function serviceListText(count: number): string {
  const items = Array.from({ length: count }, (_, index) => rawService(index, (index * STRIDE) % count)).toSorted(
    (a, b) => compareText(serviceName(a.metadata), serviceName(b.metadata)),
  )
  return JSON.stringify({ kind: 'ServiceList', apiVersion: 'v1', metadata: { resourceVersion: '100000' }, items })
}

/** What our caches keep of such a list. */
export function servicesOf(list: string): readonly ServiceObject[] {
  const { items } = JSON.parse(list) as { readonly items: readonly unknown[] }
  return items.flatMap((item) => keepService(item) ?? [])
}

/** A Service that nobody has given anything yet, younger than those of any list. */
export function newcomer(number: number): ServiceObject {
  const { metadata, spec } = rawService(0, number)
  const kept = keepService({ metadata, spec })
  if (kept === undefined) throw new Error('a Service without a name')
  const young = { name: `new-${number}`, creationTimestamp: '2026-10-01T00:00:00Z', finalizers: [] }
  return { ...kept, metadata: { ...kept.metadata, ...young, uid: `uid of new-${number}` } }
}

export function readyNodes(count: number): readonly NodeObject[] {
  return Array.from({ length: count }, (_, index) => ({
    metadata: {
      name: `node-${index}`,
      uid: `uid of node ${index}`,
      resourceVersion: '1',
      labels: { zone: `z${index % 3}` },
    },
    spec: { taints: [] },
    status: {
      addresses: [{ type: 'InternalIP', address: `10.${16 + (index >> 8)}.${index & 255}.1` }],
      ready: 'True' as const,
    },
  }))
}

/** The same Services under externalTrafficPolicy Local. */
export function localServices(services: readonly ServiceObject[]): readonly ServiceObject[] {
  return services.map((service, index) => ({
    ...service,
    spec: { ...service.spec, externalTrafficPolicy: 'Local', healthCheckNodePort: 20_000 + index },
  }))
}

/** A slice for each Service: three ready endpoints, on nodes of `readyNodes(count)`. */
export function slicesFor(services: readonly ServiceObject[], count: number): readonly EndpointSliceObject[] {
  return services.map(({ metadata: { name, namespace } }, index) =>
    sliceOn(
      namespace,
      name,
      [0, 1, 2].map((more) => (index + more) % count),
    ),
  )
}

export function sliceOn(namespace: string, service: string, nodes: readonly number[]): EndpointSliceObject {
  return {
    metadata: { name: `${service}-x7k2p`, namespace, uid: `uid of ${service}`, resourceVersion: '1' },
    service,
    addressType: 'IPv4',
    endpoints: nodes.map((node) => ({
      addresses: [`10.${64 + (node >> 8)}.${node & 255}.7`],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: `node-${node}`,
    })),
    ports: [{ name: 'https', protocol: 'TCP', port: 8_443 }],
  }
}

/** `10.100.0.0/16` has room for the addresses of any list. */
export const POOL = '10.100.0.0/16'

/** `index`: by age. */
function rawService(index: number, number: number) {
  const name = `service-${String(number).padStart(5, '0')}`
  const namespace = `team-${index % 50}`
  const address = `10.100.0.${1 + Math.floor(index / PER_ADDRESS)}`
  const base = 1_000 + 2 * (index % PER_ADDRESS)
  const ports = [
    { name: 'https', protocol: 'TCP', port: base, targetPort: 'https', nodePort: 30_000 + ((2 * index) % 2_768) },
    { name: 'http', protocol: 'TCP', port: base + 1, targetPort: 'http', nodePort: 30_001 + ((2 * index) % 2_768) },
  ]
  const labels = { 'app.kubernetes.io/managed-by': 'Helm', 'app.kubernetes.io/name': name }
  const annotations = { 'fairway.dev/class': 'public' }
  const applied = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { annotations, labels, name, namespace },
    spec: { ports },
  }
  const time = new Date(CREATED + index * 1_000).toISOString().replace('.000', '')
  return {
    kind: 'Service',
    apiVersion: 'v1',
    metadata: {
      name,
      namespace,
      uid: `81da38f2-69a1-4a28-b0c7-${String(index).padStart(12, '0')}`,
      resourceVersion: String(10_000 + index),
      creationTimestamp: time,
      labels,
      annotations: {
        ...annotations,
        'kubectl.kubernetes.io/last-applied-configuration': `${JSON.stringify(applied)}\n`,
      },
      finalizers: ['fairway.dev/cleanup'],
      managedFields: managedFields(base, time),
    },
    spec: {
      ports,
      selector: { 'app.kubernetes.io/name': name },
      clusterIP: `10.96.${index >> 8}.${index & 255}`,
      clusterIPs: [`10.96.${index >> 8}.${index & 255}`],
      type: 'LoadBalancer',
      sessionAffinity: 'None',
      externalTrafficPolicy: 'Cluster',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      allocateLoadBalancerNodePorts: true,
      internalTrafficPolicy: 'Cluster',
    },
    status: {
      loadBalancer: { ingress: [{ ip: address, ipMode: 'Proxy' }] },
      conditions: [
        condition('Allocated', 'Allocated', `${address} for ports ${base}/TCP, ${base + 1}/TCP of class public`, time),
        condition('Programmed', 'Served', 'Served by 1 of 1 proxies: edge-1', time),
      ],
    },
  }
}

function condition(type: string, reason: string, message: string, lastTransitionTime: string): object {
  return { type: `fairway.dev/${type}`, status: 'True', lastTransitionTime, reason, message }
}

/** Who set which field: about a third of what the API server sends. */
function managedFields(port: number, time: string): readonly object[] {
  const portFields = { '.': {}, ...fields('name', 'port', 'protocol', 'targetPort') }
  const conditionFields = { '.': {}, ...fields('lastTransitionTime', 'message', 'reason', 'status', 'type') }
  const entry = (manager: string, fieldsV1: object, more = {}) => {
    return { manager, operation: 'Update', apiVersion: 'v1', time, fieldsType: 'FieldsV1', fieldsV1, ...more }
  }
  const status = {
    'f:metadata': { 'f:finalizers': { '.': {}, 'v:"fairway.dev/cleanup"': {} } },
    'f:status': {
      'f:conditions': {
        '.': {},
        'k:{"type":"fairway.dev/Allocated"}': conditionFields,
        'k:{"type":"fairway.dev/Programmed"}': conditionFields,
      },
      'f:loadBalancer': fields('ingress'),
    },
  }
  const applied = {
    'f:metadata': {
      'f:annotations': { '.': {}, ...fields('fairway.dev/class', 'kubectl.kubernetes.io/last-applied-configuration') },
      'f:labels': { '.': {}, ...fields('app.kubernetes.io/managed-by', 'app.kubernetes.io/name') },
    },
    'f:spec': {
      ...fields('allocateLoadBalancerNodePorts', 'externalTrafficPolicy', 'internalTrafficPolicy'),
      'f:ports': {
        '.': {},
        [`k:{"port":${port},"protocol":"TCP"}`]: portFields,
        [`k:{"port":${port + 1},"protocol":"TCP"}`]: portFields,
      },
      ...fields('selector', 'sessionAffinity', 'type'),
    },
  }
  return [entry('fairway', status, { subresource: 'status' }), entry('kubectl-client-side-apply', applied)]
}

function fields(...names: readonly string[]): object {
  return Object.fromEntries(names.map((name) => [`f:${name}`, {}]))
}
