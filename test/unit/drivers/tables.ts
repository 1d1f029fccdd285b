import * as fc from 'fast-check'
import { numberAddress } from '../../../src/model/address.ts'
import { CHECK_DEFAULTS } from '../../../src/model/checks.ts'
import type { Served } from '../../../src/model/table.ts'
import {
  compareText,
  type Frontend,
  type HealthCheck,
  makeTable,
  type Owner,
  socketKey,
  type Table,
  type Target,
} from '../../../src/model/table.ts'
import { frontend } from '../../support/builders.ts'

export const OWNER: Owner = { cluster: 'prod', className: 'public', uid: '6f1b2c3d-0000-4000-8000-00000000cafe' }

export const NODES: readonly Target[] = [
  { name: 'node-1', address: '10.0.0.11' },
  { name: 'node-2', address: '10.0.0.12' },
  { name: 'node-3', address: '10.0.0.13' },
]

const anyAddress = fc.oneof(
  fc.bigInt({ min: 1n, max: 2n ** 32n - 1n }).map((value) => numberAddress('IPv4', value)),
  // IPv4-mapped addresses are no canonical ones: a second name for one socket.
  fc.bigInt({ min: 2n ** 64n, max: 2n ** 128n - 1n }).map((value) => numberAddress('IPv6', value)),
)
const anyPort = fc.integer({ min: 1, max: 65_535 })
const anyRange = fc.constantFrom('10.0.0.0/8', '192.0.2.7/32', '2001:db8::/32', '::/0', '0.0.0.0/0')

/** A target as tables have it: with a port only where it differs. */
function anyTargets(targetPort: number): fc.Arbitrary<readonly Target[]> {
  const port = fc.option(
    anyPort.filter((one) => one !== targetPort),
    { nil: undefined, freq: 8 },
  )
  return fc
    .uniqueArray(fc.tuple(anyAddress, port), { maxLength: 6, selector: ([address]) => address })
    .map((pairs) =>
      pairs.map(([address, one]) => ({ name: address, address, ...(one === undefined ? {} : { port: one }) })),
    )
    .map((targets) => targets.toSorted((a, b) => compareText(a.address, b.address)))
}

/** Hosts of frontends that may be on one socket. */
const HOSTS = [['a.example'], ['*.b.example', 'b.example'], ['c.example', 'www.c.example'], []]

const anyTimes = fc.record({ intervalMs: fc.integer({ min: 1, max: 100_000 }), timeoutMs: fc.constantFrom(2_000, 750) })

const anySettings = fc.record({
  targetPort: anyPort,
  balance: fc.constantFrom('round-robin', 'source', 'random'),
  version: fc.constantFrom('off', 'v1', 'v2'),
  check: fc.option(anyTimes, { nil: undefined }),
  idle: fc.option(fc.integer({ min: 1, max: 10_000_000 }), { nil: undefined }),
  sourceRanges: fc.uniqueArray(anyRange).map((ranges) => ranges.toSorted(compareText)),
})

const anySocket = fc.record({ address: anyAddress, port: anyPort, protocol: fc.constantFrom('TCP', 'UDP') })

/** All frontends of a socket, each with its targets. */
const anyServer: fc.Arbitrary<readonly Served[]> = fc
  .tuple(anySocket, fc.subarray(HOSTS, { minLength: 1 }))
  .chain(([socket, sets]) =>
    fc.tuple(
      ...(socket.protocol === 'UDP' ? [[]] : sets).map((hosts) =>
        anySettings.chain(({ version, check, idle, ...rest }) => {
          const isUdp = socket.protocol === 'UDP'
          const one = frontend({
            ...socket,
            ...rest,
            hosts,
            proxyProtocol: isUdp && version === 'v1' ? 'v2' : version,
            healthCheck: isUdp || check === undefined ? undefined : tcpCheck(check),
            idleTimeoutMs: isUdp ? idle : undefined,
          })
          return anyTargets(one.targetPort).map((targets) => ({ frontend: one, targets }))
        }),
      ),
    ),
  )

/** Any table that Caddy can serve, each frontend with a group of its own. */
export const anyTable: fc.Arbitrary<Table> = fc
  .uniqueArray(anyServer, { maxLength: 6, selector: ([first]) => first && socketKey(first.frontend) })
  .map((servers) => {
    const all = servers.flat()
    return makeTable(
      all.map(({ frontend: one }, index) => ({ ...one, group: `group-${index}` })),
      all.map(({ targets }, index) => ({ id: `group-${index}`, targets })),
    )
  })

export function tcpCheck(times: Partial<HealthCheck> = {}): HealthCheck {
  return { kind: 'tcp', port: undefined, ...CHECK_DEFAULTS, derived: false, ...times }
}

/** The frontends of one server, over the usual nodes. */
export function served(one: Frontend = frontend(), ...more: readonly Frontend[]): readonly [Served, ...Served[]] {
  return [{ frontend: one, targets: NODES }, ...more.map((other) => ({ frontend: other, targets: NODES }))]
}

/** A table with its groups inlined: what two tables have in common that name their groups differently. */
export function contentOf(table: Table) {
  const groups = new Map(table.groups.map((group) => [group.id, group.targets]))
  return table.frontends.map((one) => ({
    ...one,
    group: undefined,
    service: undefined,
    targets: groups.get(one.group)?.map(({ address, port }) => ({ address, port })),
  }))
}
