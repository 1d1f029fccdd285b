/** What test/fixtures/formats holds, and what it means in the words of today's code. */
import { readdir, readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Frontend, frontendKey, makeTable, type Owner, type Table, type Target } from '../../../src/model/table.ts'
import { frontend } from '../../support/builders.ts'

export const V1 = resolve(import.meta.dirname, '../../fixtures/formats/v1')

/** What was added since. */
export const V2 = resolve(import.meta.dirname, '../../fixtures/formats/v2')

/** What a release that is yet to come may write. */
export const NEXT = resolve(import.meta.dirname, '../../fixtures/formats/v-next')

export function readFixture(name: string, release = V1): Promise<string> {
  return readFile(resolve(release, name), 'utf8')
}

export async function readFixtureJson(name: string, release = V1): Promise<unknown> {
  return JSON.parse(await readFixture(name, release))
}

/** The files of a folder, by name. */
export async function readFixtureFolder(name: string, release = V1): Promise<ReadonlyMap<string, string>> {
  const names = (await readdir(resolve(release, name))).toSorted()
  const read = async (file: string) => [file, await readFixture(`${name}/${file}`, release)] as const
  return new Map(await Promise.all(names.map(read)))
}

/** A value as it is once it was said in JSON. */
export function said(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}

export const OWNER: Owner = { cluster: 'prod-a', className: 'public', uid: '0a4b1f0e-5d2c-4a39-9a86-6c8d9b7e1f23' }

const NODES: readonly Target[] = [
  { name: 'n1', address: '10.0.0.1' },
  { name: 'n2', address: '10.0.0.2', draining: 'cordoned' },
  { name: 'n3', address: '10.0.0.3', draining: 'leaving' },
]
const PODS: readonly Target[] = [
  { name: 'team-a/dns-1', address: '10.244.0.7', port: 5353 },
  { name: 'team-a/dns-2', address: 'fd00::7' },
]

/** With all that a frontend can have. */
const WEB: Frontend = {
  address: '203.0.113.10',
  port: 443,
  protocol: 'TCP',
  group: 'nodes zone in (a,b)',
  targetPort: 30_443,
  proxyProtocol: 'v2',
  balance: 'source',
  healthCheck: {
    kind: 'http',
    port: 10_256,
    intervalMs: 5_000,
    timeoutMs: 2_000,
    rise: 2,
    fall: 3,
    derived: true,
  },
  affinityMs: 10_800_000,
  idleTimeoutMs: 90_500,
  maxConnections: 1_000,
  sourceRanges: ['198.51.100.0/24', '2001:db8:1::/48'],
  hosts: ['*.b.example', 'a.example'],
  service: { namespace: 'team-a', name: 'web', uid: '11111111-0000-4000-8000-000000000001' },
}

/** With as little as a frontend can have. */
const DNS = frontend({ address: '2001:db8::10', port: 53, protocol: 'UDP', group: 'pods', targetPort: 53 })

export const TABLE: Table = makeTable(
  [WEB, DNS],
  [
    { id: WEB.group, targets: NODES },
    { id: DNS.group, targets: PODS },
  ],
)

/** What comes after `TABLE`: another limit, one target more and one less, one frontend and its group gone, others in their place. */
export const NEXT_TABLE: Table = makeTable(
  [
    { ...WEB, maxConnections: 2_000 },
    frontend({ address: '203.0.113.10', port: 80, group: 'one', targetPort: 30_080 }),
  ],
  [
    { id: WEB.group, targets: [...NODES.slice(0, 2), { name: 'n4', address: '10.0.0.4' }] },
    { id: 'one', targets: NODES.slice(0, 1) },
  ],
)

export const WEB_KEY = frontendKey(WEB)
export const DNS_KEY = frontendKey(DNS)
