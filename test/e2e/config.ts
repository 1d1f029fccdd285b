/** The operator's configuration, and who has which of the edge's public addresses. */
import { controlPlane, podNet } from '../lab/addresses.ts'
import { haproxyClasses, otherHaproxyClass } from './haproxy-config.ts'

/** Of Service `steady`, which the whole run serves and probes: the other cluster leads there too. */
export const steady = { port: 8080, nodePort: 30_800 } as const

/** Addresses that tests name. All but two are on the edge. */
export const addresses = {
  /** Of the foreign server that somebody made by hand. */
  byHand: '203.0.113.2',
  ingress: { v4: '203.0.113.1', v6: '2001:db8::1' },
  publicFirst: '203.0.113.10',
  /** Also has a port of the foreign server. */
  publicLast: '203.0.113.14',
  standard: '203.0.113.15',
  small: '203.0.113.16',
  spare: '203.0.113.17',
  /** Of frontends without a Service, and of what a class reserves. */
  strict: '203.0.113.18',
  /** Of the class that an edit of the configuration removes. */
  passing: '203.0.113.19',
  /** Of the class whose only address an edit replaces. */
  movingFrom: '203.0.113.6',
  movingTo: '203.0.113.8',
  otherCluster: '203.0.113.20',
  /** In the edge's own network, and on no interface. */
  near: '203.0.113.99',
  /** In a network that nobody in the lab has. */
  far: '198.51.100.7',
} as const

/** Ports of the foreign server: one for clients, one in the way of class `public`. */
export const byHandPorts = { own: 7777, taken: 7778 } as const

export const alias = 'lab.example/public'

/** Ports of the frontends that the configuration has without a Service: two of the API server, one of the web pods. */
export const fixedPorts = { byService: 6443, byAddress: 6444, byNodes: 6480 } as const

/** What class `strict` keeps for a namespace that nothing in the lab is in, and how much it gives to that of the tests. */
export const strict = { port: 2525, host: '*.reserved.example', frontends: 2 } as const

export interface OperatorConfig {
  readonly cluster: string
  readonly classes: readonly ({ readonly name: string } & Readonly<Record<string, unknown>>)[]
}

/** Where the operator reaches its proxies. */
export interface Access {
  /** Of Caddy's admin API. */
  readonly edge1: string
  readonly edge2: string
  /** The `edge` of the proxy that is HAProxy. */
  readonly haproxy: Readonly<Record<string, string>>
}

/** Two Caddys, `edge-1` up for the whole run and `edge-2` there to be broken, and one HAProxy. */
export function operatorConfig({ edge1, edge2, haproxy }: Access): OperatorConfig {
  const first = [{ name: 'edge-1', caddy: { url: edge1, insecure: true } }]
  const second = [{ name: 'edge-2', caddy: { url: edge2, insecure: true, timeout: '5s' } }]
  const { ingress, publicFirst, publicLast, standard, small, spare, near, far } = addresses
  return {
    cluster: 'lab',
    classes: [
      {
        name: 'public',
        loadBalancerClass: alias,
        pools: pool(`${publicFirst}-${publicLast}`, '2001:db8::10-2001:db8::14'),
        ports: { deny: [2019] },
        proxies: first,
      },
      { name: 'standard', default: true, pools: pool(standard), proxies: first },
      { name: 'small', pools: pool(small), proxies: first },
      {
        name: 'ingress',
        pools: pool(ingress.v4, ingress.v6),
        proxies: first.map((proxy) => ({ ...proxy, listen: { [ingress.v4]: '*', [ingress.v6]: '*' } })),
      },
      { name: 'far', pools: pool(far), proxies: first },
      { name: 'spare', pools: pool(spare), proxies: second },
      { name: 'near', pools: pool(near), proxies: second },
      strictClass(first),
      { name: 'passing', pools: pool(addresses.passing), proxies: first },
      { name: 'moving', pools: pool(addresses.movingFrom), proxies: first },
      ...haproxyClasses(haproxy),
    ],
  }
}

/** The class that has every rule: fixed frontends, reservations, a quota, and pods as targets. */
function strictClass(proxies: readonly object[]): OperatorConfig['classes'][number] {
  const address = addresses.strict
  const nodes = 'kubernetes.io/hostname in (n1, n2)'
  return {
    name: 'strict',
    pools: pool(address),
    ports: { reserve: { [strict.port]: ['mail'] } },
    hosts: { [strict.host]: ['mail'] },
    namespaces: { quota: { e2e: strict.frontends } },
    pods: { cidrs: [podNet.v4] },
    frontends: [
      { name: 'kube-apiserver', address, port: fixedPorts.byService, service: 'default/kubernetes' },
      { name: 'by-address', address, port: fixedPorts.byAddress, targetPort: 6443, targets: [controlPlane.v4] },
      { name: 'by-nodes', address, port: fixedPorts.byNodes, targetPort: steady.nodePort, nodes },
    ],
    proxies,
  }
}

export function pool(...ranges: readonly string[]): readonly object[] {
  return [{ name: 'main', addresses: ranges }]
}

/** How many classes read `edge-1`. */
export const classesOnEdge1 = 8

/** What stands on `edge-1` before the operator does: a layer4 server of somebody's, in front of an http server of theirs. */
export function foreignConfig(): Readonly<Record<string, unknown>> {
  const site = {
    listen: ['127.0.0.1:8088'],
    automatic_https: { disable: true },
    routes: [{ handle: [{ handler: 'static_response', body: 'made by hand' }] }],
  }
  const byHand = {
    listen: [`${addresses.byHand}:${byHandPorts.own}`, `tcp/${addresses.publicLast}:${byHandPorts.taken}`],
    routes: [{ handle: [{ handler: 'proxy', upstreams: [{ dial: ['127.0.0.1:8088'] }] }] }],
  }
  return { apps: { http: { servers: { site } }, layer4: { servers: { 'by-hand': byHand } } } }
}

/** The configuration of another cluster's operator: classes of the same names, on the same proxies. */
export function otherConfig({ edge1, haproxy }: Omit<Access, 'edge2'>): object {
  return {
    cluster: 'other',
    classes: [
      {
        name: 'public',
        pools: [{ name: 'main', addresses: [addresses.otherCluster] }],
        proxies: [{ name: 'edge-1', caddy: { url: edge1, insecure: true } }],
      },
      otherHaproxyClass(haproxy),
    ],
  }
}
