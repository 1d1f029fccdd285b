/** What an edge finds in its folder, and in the file of tokens beside it, after an upgrade. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { beforeEach, test } from 'node:test'
import type { ClaimId } from '../../../src/edge/claims.ts'
import { createAddressKeeper, type Interface } from '../../../src/edge/interface-addresses.ts'
import { createStore } from '../../../src/edge/store.ts'
import { hashToken, openTokens, readTokens, writeTokens } from '../../../src/edge/tokens.ts'
import { openingsOf } from '../../../src/edge/webhook/openings.ts'
import type { StoredTable } from '../../../src/edge/writes.ts'
import { frontend } from '../../support/builders.ts'
import { logInto, silentLog } from '../../support/operator-world.ts'
import { owner } from '../edge/builders.ts'
import { type CrashDisk, createCrashDisk } from '../edge/crash-disk.ts'
import { OWNER, readFixture, readFixtureFolder, TABLE, V1 } from './fixtures.ts'

const CLUSTER: StoredTable = {
  owner: owner('prod-a/public'),
  generation: 7,
  uid: OWNER.uid,
  epoch: 176_722_561,
  writtenAt: '2026-08-01T00:00:00.000Z',
  table: TABLE,
}
/** Of calls: ports that clients of the webhook have asked for. */
const CALLS: StoredTable = {
  owner: owner('webhook/home'),
  generation: 2,
  uid: 'calls-of-this-machine',
  epoch: 0,
  writtenAt: '2026-08-01T00:00:01.000Z',
  table: {
    frontends: [frontend({ port: 8080, group: '8080', targetPort: 30_808, proxyProtocol: 'v1' })],
    groups: [
      {
        id: '8080',
        targets: [
          { name: 'unifi', address: '10.0.0.11' },
          { name: 'unifi', address: '10.0.0.12', port: 30_809 },
        ],
      },
    ],
  },
}
const ORDER: readonly ClaimId[] = [
  'prod-a/public tcp/203.0.113.10:443',
  '_fixed/kube-apiserver tcp/203.0.113.10:6443',
  'prod-a/public udp/[2001:db8::10]:53',
  'webhook/home tcp/203.0.113.10:8080',
]
const ADDED = ['203.0.113.10', '2001:db8::10']

let disk: CrashDisk
let logged: string[]

beforeEach(async () => {
  disk = createCrashDisk(await readFixtureFolder('edge-state'))
  logged = []
})

async function filesOf({ files }: CrashDisk): Promise<ReadonlyMap<string, string>> {
  const names = (await files.names()).toSorted()
  return new Map(await Promise.all(names.map(async (name) => [name, (await files.read(name)) ?? ''] as const)))
}

/** An interface that has some addresses, and notes what is done to it. */
function device(addresses: readonly string[], done: string[]): Interface {
  return {
    name: 'eth0',
    addresses: async () => addresses,
    add: async (address) => void done.push(`add ${address}`),
    remove: async (address) => void done.push(`remove ${address}`),
  }
}

test('tables and their order are read, and none is taken for a corrupt one', async () => {
  const kept = await createStore(disk.files, logInto(logged)).load()
  assert.deepEqual(kept, { tables: [CLUSTER, CALLS], order: ORDER, lost: new Map() })
  assert.deepEqual(logged, [])
  assert.deepEqual(await filesOf(disk), await readFixtureFolder('edge-state'))
})

test('the table of calls says what each port leads to', async () => {
  const { tables } = await createStore(disk.files, silentLog).load()
  const calls = tables.find(({ owner: { cluster } }) => cluster === 'webhook')
  assert.ok(calls)
  const leads = [
    { address: '10.0.0.11', port: 30_808, heardAt: 5 },
    { address: '10.0.0.12', port: 30_809, heardAt: 5 },
  ]
  const opening = { name: 'unifi', proxyProtocol: 'v1', leads: new Map(leads.map((lead) => [lead.address, lead])) }
  assert.deepEqual(openingsOf(calls.table, 5), new Map([[8080, opening]]))
})

test('of the addresses of the interface, those that the edge has added are taken away, and no other', async () => {
  const done: string[] = []
  const keeper = await createAddressKeeper(disk.files, device(['10.1.0.100', ...ADDED], done), logInto(logged))
  await keeper.trim(new Set())
  assert.deepEqual(done.toSorted(), ADDED.map((address) => `remove ${address}`).toSorted())
  assert.deepEqual(logged, [])
})

test('the same is written', async () => {
  const fresh = createCrashDisk()
  await (
    await createStore(fresh.files, silentLog).prepare({ stored: [CLUSTER, CALLS], removed: [], order: ORDER })
  ).commit()
  await (await createAddressKeeper(fresh.files, device([], []), silentLog)).add(new Set(ADDED))
  assert.deepEqual(await filesOf(fresh), await readFixtureFolder('edge-state'))
})

test('a file of a later format stops the edge: it is not set aside', async () => {
  const name = 'prod-a.public.table.json'
  disk.put(name, (await readFixture(`edge-state/${name}`)).replace('{"version":1,', '{"version":2,'))
  await assert.rejects(createStore(disk.files, silentLog).load(), /is of format 2, which this version/)
  assert.ok((await disk.files.names()).includes(name))
})

const TOKEN = 'fairway_a-token-that-was-made-for-this-test'
const TOKENS = [
  { owner: 'prod-a/public', created: '2026-08-01T00:00:00.000Z', sha256: hashToken(TOKEN) },
  { owner: 'prod-b/*', created: '2026-08-02T00:00:00.000Z', sha256: hashToken(`${TOKEN}-too`) },
]

test('tokens are good for what they were good for', async () => {
  const path = resolve(V1, 'tokens.yaml')
  assert.deepEqual(await readTokens(path), TOKENS)
  const book = openTokens(path, logInto(logged))
  const scopes = [TOKEN, `${TOKEN}-too`, `${TOKEN}-not`].map((token) => book.find(token))
  assert.deepEqual(await Promise.all(scopes), ['prod-a/public', 'prod-b/*', undefined])
  assert.deepEqual(logged, [])
})

test('the same file of tokens is written', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fairway-formats-'))
  try {
    await writeTokens(join(folder, 'tokens.yaml'), TOKENS)
    assert.equal(await readFile(join(folder, 'tokens.yaml'), 'utf8'), await readFixture('tokens.yaml'))
  } finally {
    await rm(folder, { recursive: true })
  }
})
