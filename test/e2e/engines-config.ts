/** Edges with every program, each with a class and an address of its own. */
import type { ProgramName } from '../lab/proxy-programs.ts'

export interface EngineKind {
  /** Of the class, of its proxy, and in the names of files. */
  readonly name: string
  /** The program for all, or those for TCP and for UDP. */
  readonly programs: readonly [ProgramName] | readonly [tcp: ProgramName, udp: ProgramName]
  readonly address: string
  /** The newest that the one for TCP can send. */
  readonly proxyProtocol: 'v1' | 'v2'
  /** Single connections that its reloads may cost a probe. */
  readonly mostLost: number
}

export const nginx: EngineKind = {
  name: 'nginx',
  programs: ['nginx'],
  address: '203.0.113.10',
  proxyProtocol: 'v1',
  mostLost: 0,
}

export const envoy: EngineKind = {
  name: 'envoy',
  programs: ['envoy'],
  address: '203.0.113.11',
  proxyProtocol: 'v2',
  mostLost: 0,
}

export const caddy: EngineKind = {
  name: 'caddy',
  programs: ['caddy'],
  address: '203.0.113.12',
  proxyProtocol: 'v2',
  // docs/edge-caddy.md has how many it really costs.
  mostLost: 1,
}

export const haproxyAndNginx: EngineKind = {
  name: 'haproxy-nginx',
  programs: ['haproxy', 'nginx'],
  address: '203.0.113.13',
  proxyProtocol: 'v2',
  mostLost: 0,
}

export const haproxyAlone: EngineKind = {
  name: 'haproxy',
  programs: ['haproxy'],
  address: '203.0.113.14',
  proxyProtocol: 'v2',
  mostLost: 0,
}

/** What the operator is told of one: how it reaches the edge. */
export type Access = Readonly<Record<string, string>>

export function enginesConfig(accesses: ReadonlyMap<EngineKind, Access>): object {
  const classes = [...accesses].map(([{ name, address }, edge]) => ({
    name,
    pools: [{ name: 'main', addresses: [address] }],
    proxies: [{ name, edge }],
  }))
  return { cluster: 'lab', classes }
}
