import type { OwnedTable } from '../../../src/edge/arbitrate.ts'
import type { OwnerParts } from '../../../src/edge/owners.ts'
import type { Rules } from '../../../src/edge/rules.ts'
import { type Frontend, makeTable, type Table, type Target } from '../../../src/model/table.ts'
import { frontend, rangeOf } from '../../support/builders.ts'

export const UID = '0a4b1f0e-5d2c-4a39-9a86-6c8d9b7e1f23'
export const OTHER_UID = '7c1d2e3f-5d2c-4a39-9a86-6c8d9b7e1f23'

export const NODES: readonly Target[] = [
  { name: 'n1', address: '10.0.0.1' },
  { name: 'n2', address: '10.0.0.2' },
]

/** `owner('prod-a/public')` */
export function owner(name: string): OwnerParts {
  const [cluster = '', className = ''] = name.split('/')
  return { cluster, className }
}

/** `on('203.0.113.10:443')` or `on('203.0.113.10:443#a.example,b.example')` or `on('udp/203.0.113.10:53')`. */
export function on(text: string, wishes: Partial<Frontend> = {}): Frontend {
  const [, protocol, v6, v4, port, hosts] = /^(?:(udp|tcp)\/)?(?:\[(.*)\]|([^:]*)):(\d+)(?:#(.*))?$/.exec(text) ?? []
  return frontend({
    address: v6 ?? v4 ?? '',
    port: Number(port),
    protocol: protocol === 'udp' ? 'UDP' : 'TCP',
    hosts: hosts === undefined ? [] : hosts.split(','),
    ...wishes,
  })
}

export function table(frontends: readonly (string | Frontend)[], targets: readonly Target[] = NODES): Table {
  const list = frontends.map((one) => (typeof one === 'string' ? on(one) : one))
  const groups = new Set(list.map(({ group }) => group))
  return makeTable(
    list,
    [...groups].map((id) => ({ id, targets })),
  )
}

export function owned(name: string, ...frontends: readonly (string | Frontend)[]): OwnedTable {
  return { owner: owner(name), table: table(frontends) }
}

export function rules(wishes: Partial<Rules> = {}): Rules {
  return {
    addresses: [rangeOf('203.0.113.0/24'), rangeOf('2001:db8::/64')],
    machine: new Set(['10.1.0.100']),
    publish: new Map(),
    deniedPorts: new Set([22]),
    targets: [],
    protocols: ['TCP', 'UDP'],
    quota: { frontends: 1_000, entries: 1_000, targets: 1_000 },
    ...wishes,
  }
}
