/** HAProxy on the edge machine: who has what of it, and the configuration of each. */
import { controlPlane } from '../lab/addresses.ts'

/** The name of the proxy in the operators' configuration. */
export const haproxyName = 'haproxy-1'

export const haproxyAddresses = {
  /** Of class `haproxy`. */
  first: '203.0.113.22',
  firstV6: '2001:db8::22',
  /** Of class `haproxy` too. HAProxy's administrator has a port of it. */
  last: '203.0.113.24',
  /** Of class `second`. */
  second: '203.0.113.25',
  /** In the pools of both classes, and of the other cluster. */
  contested: '203.0.113.26',
  /** Of the frontend in edge.yaml, and in the pool of class `second`. */
  fixed: '203.0.113.27',
  /** Of HAProxy's administrator. */
  byHand: '203.0.113.28',
  /** Of the other cluster. */
  other: '203.0.113.29',
} as const

/** Of the Services that are served and probed all the time, this cluster's and the other's. */
export const haproxySteady = { port: 8080, nodePort: 30_801 } as const

/** Ports of HAProxy's administrator: one for clients, one in the way of class `haproxy`. */
export const byHandPorts = { own: 7777, taken: 7778 } as const

export const fixedFrontend = { name: 'control-plane', port: 6443 } as const

/** Of edge.yaml: what clusters may have, and what is served without any. */
export const edgeConfig = {
  addresses: ['203.0.113.22-203.0.113.27', '203.0.113.29', '2001:db8::22-2001:db8::30'],
  ports: { deny: [22, 7443, 7444] },
  frontends: [
    {
      ...fixedFrontend,
      address: haproxyAddresses.fixed,
      targets: [controlPlane.v4],
      settings: { 'health-check': 'tcp' },
    },
  ],
} as const

/** Of haproxy.cfg, which its administrator has written. */
export const byHandSections = `frontend by-hand
  bind ${haproxyAddresses.byHand}:${byHandPorts.own}
  bind ${haproxyAddresses.last}:${byHandPorts.taken}
  http-request return status 200 content-type text/plain string "made by hand"
`

type Classes = readonly ({ readonly name: string } & Readonly<Record<string, unknown>>)[]

export function haproxyClasses(edge: Readonly<Record<string, string>>): Classes {
  const { first, last, second, contested, fixed, firstV6 } = haproxyAddresses
  const proxies = [{ name: haproxyName, edge }]
  return [
    { name: 'haproxy', pools: poolOf(`${first}-${last}`, contested, `${firstV6}-2001:db8::24`), proxies },
    { name: 'second', pools: poolOf(second, contested, fixed), proxies },
  ]
}

/** The other cluster's class has the same name. */
export function otherHaproxyClass(edge: Readonly<Record<string, string>>): Classes[number] {
  const { other, contested } = haproxyAddresses
  return { name: 'haproxy', pools: poolOf(other, contested), proxies: [{ name: haproxyName, edge }] }
}

function poolOf(...addresses: readonly string[]): readonly object[] {
  return [{ name: 'main', addresses }]
}
