/**
 * The lab's map. Every name in brackets is a network namespace of its own; cp holds the bridge and the control plane.
 *
 *   [client] 203.0.113.9,21 ── 203.0.113.1-8,10-20,22-30 [edge] 10.1.0.100 ──┐
 *            2001:db8::9,21    2001:db8::1-8,10-20,22-30       fd00:10:1::100│
 *   host 10.1.0.253 ────────────────────────────────────── bridge in [cp] 10.1.0.254 (API server)
 *                                                                            │
 *                                              [n1]..[nN] 10.1.0.1-N ────────┘   pods 10.244.N.0/24
 *
 * In IPv6 addresses the digits are hexadecimal: the edge has ::1 to ::8 and every address from ::10 to ::20, 0x11 of them, and from ::22 to ::30.
 * Nothing here has a route to the real network: what does not exist in the lab is unreachable.
 */
export const client = { v4: '203.0.113.9', v6: '2001:db8::9' } as const
/** Borne by the client's namespace too: whoever connects from there is somebody else to the edge. */
export const otherClient = { v4: '203.0.113.21', v6: '2001:db8::21' } as const
export const edge = { v4: '10.1.0.100', v6: 'fd00:10:1::100' } as const
export const controlPlane = { v4: '10.1.0.254', v6: 'fd00:10:1::254' } as const
export const host = { v4: '10.1.0.253', v6: 'fd00:10:1::253' } as const

/** The public addresses that the edge bears: .1 to .8 are its own, all others are meant for address pools. */
export const publicV4: readonly string[] = [...range(1, 8), ...range(10, 20), ...range(22, 30)].map(
  (n) => `203.0.113.${n}`,
)
export const publicV6: readonly string[] = [...range(0x1, 0x8), ...range(0x10, 0x20), ...range(0x22, 0x30)].map(
  (n) => `2001:db8::${n.toString(16)}`,
)

export const publicNet = { v4: '203.0.113.0/24', v6: '2001:db8::/64' } as const
/** Its part that the host routes into the lab. No more: others use documentation addresses too, for what the host needs. */
export const publicNetOnHost = { v4: '203.0.113.0/27', v6: '2001:db8::/64' } as const
export const podNet = { v4: '10.244.0.0/16', v6: 'fd00:10:244::/48' } as const
export const serviceNet = { v4: '10.96.0.0/16', v6: 'fd00:10:96::/112' } as const
export const labNet = { v4: '10.1.0.0/24', v6: 'fd00:10:1::/64' } as const

export const maxNodes = 20

export interface NodeAddresses {
  readonly name: string
  readonly v4: string
  readonly v6: string
  readonly pods: { readonly v4: string; readonly v6: string }
}

export function nodeAddresses(count: number): readonly NodeAddresses[] {
  return range(1, count).map((n) => ({
    name: `n${n}`,
    v4: `10.1.0.${n}`,
    v6: `fd00:10:1::${n}`,
    pods: { v4: `10.244.${n}.0/24`, v6: `fd00:10:244:${n}::/64` },
  }))
}

/** Namespaces bear a prefix on the machine, so that a namespace called "client" that is somebody else's is left alone. */
export function netnsName(namespace: string): string {
  return `fairway-${namespace}`
}

export function netnsPath(namespace: string): string {
  return `/run/netns/${netnsName(namespace)}`
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}
