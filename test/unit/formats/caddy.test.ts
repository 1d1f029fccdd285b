/** What Caddy has of ours from before an upgrade: whose it is, and what it serves. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Ownership, readOwnership } from '../../../src/caddy/ownership.ts'
import { renderServer } from '../../../src/caddy/render.ts'
import { parseServer } from '../../../src/drivers/caddy/parse.ts'
import { OWNER as EDGE } from '../../../src/edge/engines/caddy/drawing.ts'
import { isObject } from '../../../src/model/json.ts'
import { serverKey } from '../../../src/model/server-names.ts'
import { frontendKey, type Owner, type Served, type Target } from '../../../src/model/table.ts'
import { frontend } from '../../support/builders.ts'
import { OWNER, readFixtureJson, said } from './fixtures.ts'

const NODES: readonly Target[] = [
  { name: '10.0.0.1', address: '10.0.0.1' },
  { name: '10.0.0.2', address: '10.0.0.2' },
]
const PODS: readonly Target[] = [
  { name: '10.244.0.7', address: '10.244.0.7', port: 8080 },
  { name: 'fd00::7', address: 'fd00::7' },
]
const CHECK = {
  kind: 'tcp',
  port: undefined,
  intervalMs: 10_000,
  timeoutMs: 500,
  rise: 2,
  fall: 3,
  derived: false,
} as const

function serve(targets: readonly Target[], wishes: Parameters<typeof frontend>[0] = {}): Served {
  const { group: _, ...one } = frontend(wishes)
  return { frontend: one, targets }
}

/** Three on one socket, told apart by their hosts: with a check and source ranges, without targets, and for all other hosts. */
const SHARED = [
  serve(NODES, { hosts: ['a.example'], healthCheck: CHECK, sourceRanges: ['198.51.100.0/24'], proxyProtocol: 'v2' }),
  serve([], { hosts: ['*.b.example'], balance: 'source' }),
  serve(PODS),
] as const
const DNS = serve(PODS, {
  address: '2001:db8::10',
  port: 53,
  protocol: 'UDP',
  balance: 'random',
  idleTimeoutMs: 90_500,
})
const BESIDE: Owner = { ...OWNER, className: 'internal' }
const SERVERS: readonly (readonly [Owner, readonly [Served, ...Served[]]])[] = [
  [OWNER, SHARED],
  [OWNER, [DNS]],
  [BESIDE, [serve(NODES, { port: 5432, proxyProtocol: 'v1' })]],
  [EDGE, [serve(NODES, { address: '203.0.113.11' })]],
]

async function servers(): Promise<ReadonlyMap<string, unknown>> {
  const json = await readFixtureJson('caddy/servers.json')
  assert.ok(isObject(json))
  return new Map(Object.entries(json))
}

function whose(owner: Owner, found: ReadonlyMap<string, unknown>): readonly (Ownership['whose'] | undefined)[] {
  return [...found].map(([key, json]) => readOwnership({ proxy: 'edge-1', owner }, key, json)?.whose)
}

test('whose each server is', async () => {
  const found = await servers()
  assert.deepEqual(whose(OWNER, found), ['ours', 'ours', 'sibling', undefined])
  assert.deepEqual(whose(EDGE, found), [undefined, undefined, undefined, 'ours'])
  assert.throws(() => whose({ ...OWNER, uid: 'another-cluster' }, found), /belongs to another cluster that also calls/)
})

test('what each serves, and that nobody has edited it', async () => {
  const found = await servers()
  for (const [owner, all] of SERVERS) {
    const key = serverKey(owner, all[0].frontend)
    const name = readOwnership({ proxy: 'edge-1', owner }, key, found.get(key))?.name
    assert.ok(name)
    const entries = parseServer({ owner, listen: {} }, key, name, found.get(key))
    const expected = all.map((one) => [frontendKey(one.frontend), one] as const)
    assert.deepEqual(new Map(entries.map(({ key: at, served }) => [at, served])), new Map(expected))
  }
})

test('the same is written', async () => {
  const written = SERVERS.map(([owner, all]) => [
    serverKey(owner, all[0].frontend),
    renderServer({ owner, listen: {} }, all),
  ])
  assert.deepEqual(said(Object.fromEntries(written)), await readFixtureJson('caddy/servers.json'))
})
