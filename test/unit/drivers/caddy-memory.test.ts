// What a driver remembers from pass to pass is what one would find that remembers nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { serversText } from '../../../src/caddy/apps.ts'
import { createTableMaker, tableOf } from '../../../src/drivers/common/table-of.ts'
import { createResolver, resolveTable } from '../../../src/drivers/common/wanted.ts'
import { type Frontend, frontendKey, makeTable, type Target } from '../../../src/model/table.ts'
import { diffTables } from '../../../src/plan/diff.ts'
import { frontend, runs } from '../../support/builders.ts'
import type { FakeAdmin } from './fake-admin.ts'
import { applyTo, createRig, signal, tableOf as tableOn } from './rig.ts'
import { NODES, served } from './tables.ts'

const ALL: readonly Frontend[] = [
  frontend(),
  frontend({ port: 80 }),
  frontend({ port: 80, hosts: ['a.example'] }),
  frontend({ port: 80, hosts: ['*.b.example'], sourceRanges: ['10.0.0.0/8'], group: 'other' }),
  frontend({ port: 53, protocol: 'UDP', group: 'other' }),
  // What Caddy cannot.
  frontend({ port: 81, balance: 'least-connections' }),
]
const OTHERS: readonly (readonly Target[])[] = [
  NODES,
  NODES.slice(1),
  [],
  [{ name: 'p', address: '10.0.9.9', port: 8080 }],
  [{ name: 'p', address: '{env.HOME}' }],
]

type Servers = Record<string, unknown>
type Edit = (servers: Servers) => Servers

/** What people do to a server of Caddy's between two passes. */
const edits: Readonly<Record<string, Edit>> = {
  nothing: (servers) => servers,
  reorder: (servers) => Object.fromEntries(Object.entries(servers).toReversed()),
  drop: (servers) => Object.fromEntries(Object.entries(servers).slice(1)),
  empty: (servers) => mapFirst(servers, () => ({ routes: [] })),
  annotate: (servers) => mapFirst(servers, (server) => ({ ...(server as object), idle_timeout: '9s' })),
  twist: (servers) =>
    mapFirst(servers, (server) => ({ ...(server as object), routes: [{ handle: [{ handler: 'echo' }] }] })),
  add: (servers) => ({ ...servers, mine: { listen: [':9'], routes: [] } }),
  rival: (servers) => ({ ...servers, mine: { listen: ['203.0.113.10:80'] } }),
}

function mapFirst(servers: Servers, change: (server: unknown) => unknown): Servers {
  return Object.fromEntries(Object.entries(servers).map(([key, one], at) => [key, at === 0 ? change(one) : one]))
}

function edit(fake: FakeAdmin, change: Edit): void {
  const layer4 = fake.apps?.['layer4'] as { readonly servers?: Servers } | undefined
  fake.apps = { ...fake.apps, layer4: { servers: change(layer4?.servers ?? {}) } }
}

const step = fc.record({
  wanted: fc.subarray([...ALL]),
  others: fc.constantFrom(...OTHERS),
  kept: fc.subarray([...ALL]),
  edit: fc.constantFrom(...Object.values(edits)),
})

test('whatever came before, a driver reads, refuses and writes what one does that has just begun', async (t) => {
  const rig = await createRig(t)
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 6 }), async (steps) => {
      rig.fake.apps = {}
      const one = rig.driver()
      for (const { wanted, others, kept, edit: change } of steps) {
        edit(rig.fake, change)
        const table = makeTable(wanted, [
          { id: 'nodes', targets: NODES },
          { id: 'other', targets: others },
        ])
        const keep = new Set(kept.filter((other) => !wanted.includes(other)).map(frontendKey))
        const before: FakeAdmin['apps'] = rig.fake.apps
        const [fresh, remembered] = [await rig.driver().read(signal), await one.read(signal)]
        assert.deepEqual(remembered, fresh)
        const applied = await one.apply(diffTables(remembered, table, keep), signal)
        const after: FakeAdmin['apps'] = rig.fake.apps
        rig.fake.apps = before
        assert.deepEqual(applied, await rig.driver().apply(diffTables(fresh, table, keep), signal))
        assert.deepEqual(rig.fake.apps, after)
      }
    }),
    runs(25),
  )
})

test('what has not changed is not made out again', async (t) => {
  const rig = await createRig(t)
  const one = rig.driver()
  const [web, mail] = [frontend(), frontend({ port: 25 })]
  await applyTo(one, tableOn(web))
  const first = await one.read(signal)
  assert.equal(await one.read(signal), first)
  await applyTo(one, tableOn(web, mail))
  const second = await one.read(signal)
  assert.notEqual(second, first)
  const find = ({ table }: typeof first) => table.frontends.find(({ port }) => port === web.port)
  assert.equal(find(second), find(first))
})

test('two texts of one Etag are two readings', async (t) => {
  const rig = await createRig(t)
  const one = rig.driver()
  let port = 80
  rig.fake.intercept = (_request, response) =>
    response
      .setHeader('Etag', '"/config/apps 0"')
      .end(JSON.stringify({ http: { servers: { web: { listen: [`:${port}`] } } } }))
  for (port of [80, 81]) {
    const { listeners } = await one.read(signal)
    assert(listeners.some(({ firstPort }) => firstPort === port))
  }
})

test('servers as text, whatever their names', () => {
  const server = { listen: [':1'], text: '"\u2028é' }
  const all = new Map<string, unknown>([
    ['443', server],
    ['__proto__', server],
    ['a"b', 1],
    ['c', null],
  ])
  for (const servers of [all, new Map([['d', server]]), new Map()]) {
    assert.deepEqual(JSON.parse(serversText(servers)), JSON.parse(JSON.stringify(Object.fromEntries(servers))))
  }
})

test('tables of what is read again and again', () => {
  const make = createTableMaker()
  const [web, mail] = [served(frontend()), served(frontend({ port: 25 }))]
  const last = [{ frontend: frontend({ port: 25 }), targets: NODES.slice(1) }]
  for (const list of [[...web, ...mail], [...mail], [...last, ...web], [], [...mail, ...web]]) {
    assert.deepEqual(make(list), tableOf(list))
  }
  assert.equal(
    make([...web]).frontends[0],
    make([...web, ...last]).frontends.find(({ port }) => port === 443),
  )
})

test('targets are found again where either has changed', () => {
  const resolve = createResolver({})
  const [web, mail] = [frontend(), frontend({ port: 25, group: 'other' })]
  const withOthers = (targets: readonly Target[]) => ({
    frontends: [web, mail],
    groups: [
      { id: 'nodes', targets: NODES },
      { id: 'other', targets },
    ],
  })
  const first = resolve(withOthers(NODES))
  const second = resolve(withOthers(NODES.slice(1)))
  assert.deepEqual(second, resolveTable({}, withOthers(NODES.slice(1))))
  assert.equal(second[0], first[0])
  assert.notEqual(second[1], first[1])
  assert.throws(() => resolve({ ...withOthers(NODES), groups: [] }), /group nodes, which its table does not have/)
  assert.deepEqual(resolve(withOthers(NODES)), first)
})
