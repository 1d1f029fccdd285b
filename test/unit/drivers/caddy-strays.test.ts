import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderServer } from '../../../src/caddy/render.ts'
import type { Driver, Sibling } from '../../../src/model/driver.ts'
import { serverKey } from '../../../src/model/server-names.ts'
import { EMPTY_TABLE, type Frontend, type Owner, type Table } from '../../../src/model/table.ts'
import { frontend } from '../../support/builders.ts'
import { applyTo, codes, createRig, failsWith, planFor, type Rig, says, signal, tableOf } from './rig.ts'
import { OWNER, served } from './tables.ts'

const OLD: Owner = { ...OWNER, className: 'old' }
const web = frontend()
const hosted = frontend({ hosts: ['a.example'] })
const other = frontend({ port: 80 })

function serverFor(owner: Owner, first: Frontend, ...more: readonly Frontend[]) {
  return { [serverKey(owner, first)]: renderServer({ owner, listen: {} }, served(first, ...more)) }
}

function strays(...keys: readonly string[]): readonly Sibling[] {
  return keys.map((key) => ({ className: 'old', key }))
}

async function removeStrays(one: Driver, gone: readonly Sibling[], table: Table = EMPTY_TABLE) {
  return one.apply({ ...planFor(await one.read(signal), table), strays: gone }, signal)
}

function put(rig: Rig, servers: object): void {
  // Through JSON, as it comes from Caddy.
  rig.fake.apps = { layer4: { servers: JSON.parse(JSON.stringify(servers)) } }
}

test('siblings are what our cluster has for other classes, frontend by frontend', async (t) => {
  const rig = await createRig(t)
  const [json] = Object.values(serverFor(OLD, other))
  put(rig, {
    ...serverFor(OWNER, frontend({ port: 1 })),
    ...serverFor(OLD, web, hosted),
    ...serverFor({ ...OWNER, className: 'internal' }, frontend({ port: 53, protocol: 'UDP' })),
    renamed: json,
    // Another cluster, a copy of ours, a mark that is gone, and somebody's.
    ...serverFor({ ...OLD, cluster: 'prod-a' }, frontend({ port: 2 })),
    ...serverFor({ ...OLD, uid: 'another' }, frontend({ port: 3 })),
    [serverKey(OLD, frontend({ port: 4 }))]: { listen: ['tcp4/203.0.113.10:4'] },
    mine: { listen: [':5'] },
  })
  const observed = await rig.driver().read(signal)
  assert.deepEqual(observed.siblings.map(({ className, key }) => `${className} ${key}`).toSorted(), [
    'internal udp/203.0.113.10:53',
    'old tcp/203.0.113.10:443',
    'old tcp/203.0.113.10:443#a.example',
    'old tcp/203.0.113.10:80',
  ])
  assert.equal(observed.table.frontends.length, 1)
})

test('strays go in one write with the changes, and by one of their own without any', async (t) => {
  const rig = await createRig(t)
  const mine = { mine: { listen: [':5'] } }
  put(rig, { ...serverFor(OLD, other), ...mine })
  const one = rig.driver()
  const applied = await removeStrays(one, strays('tcp/203.0.113.10:80'), tableOf(web))
  assert.deepEqual(applied, { refused: [], wrote: true })
  assert.equal(rig.fake.requests.filter((line) => line.startsWith('POST')).length, 1)
  assert.deepEqual(Object.keys(rig.servers()).toSorted(), [serverKey(OWNER, web), 'mine'])

  put(rig, { ...serverFor(OLD, other), ...mine })
  assert.deepEqual(await removeStrays(one, strays('tcp/203.0.113.10:80')), { refused: [], wrote: true })
  assert.deepEqual(rig.servers(), mine)
  assert.deepEqual(await removeStrays(one, strays('tcp/203.0.113.10:80')), { refused: [], wrote: false })
})

test('siblings that are no strays, and the frontends beside a stray, stay as they are', async (t) => {
  const rig = await createRig(t)
  const internal = serverFor({ ...OWNER, className: 'internal' }, frontend({ port: 5 }))
  put(rig, { ...serverFor(OLD, web, hosted), ...internal })
  const [key] = Object.keys(serverFor(OLD, web))
  assert(key !== undefined)
  const before = rig.servers()[key] as { routes: readonly unknown[] }
  const gone = [...strays('tcp/203.0.113.10:443'), { className: 'internal', key: 'tcp/203.0.113.10:443' }]
  assert.equal((await removeStrays(rig.driver(), gone)).wrote, true)
  assert.deepEqual(rig.servers(), {
    [key]: { ...before, routes: before.routes.slice(0, 1) },
    ...JSON.parse(JSON.stringify(internal)),
  })
})

test('a socket that a stray holds is free, and not dialled; one that a sibling holds is taken', async (t) => {
  const rig = await createRig(t)
  const one = rig.driver({}, says('open'))
  put(rig, serverFor(OLD, web))
  const refused = await applyTo(one, tableOf(web))
  assert.deepEqual(codes(refused), ['tcp/203.0.113.10:443 PortTaken'])
  assert.match(refused.refused[0]?.problem.message ?? '', /apps\.layer4\.servers\.fairway\.prod\.old\.tcp/)
  const applied = await removeStrays(one, strays('tcp/203.0.113.10:443'), tableOf(web, hosted))
  assert.deepEqual(applied, { refused: [], wrote: true })
  assert.deepEqual(Object.keys(rig.servers()), [serverKey(OWNER, web)])

  // On the wildcard, it is beneath every address.
  const wild = renderServer({ owner: OLD, listen: { [web.address]: '*' } }, served(web))
  put(rig, { [serverKey(OLD, web)]: wild })
  const undialled = rig.driver({ probe: false })
  assert.deepEqual((await removeStrays(undialled, strays('tcp/203.0.113.10:443'), tableOf(web))).refused, [])

  put(rig, serverFor(OLD, web, hosted))
  const half = await removeStrays(one, strays('tcp/203.0.113.10:443'), tableOf(web))
  assert.deepEqual(codes(half), ['tcp/203.0.113.10:443 PortTaken'])
})

test('a stray that is still there after the write was not removed', async (t) => {
  const rig = await createRig(t)
  put(rig, serverFor(OLD, web))
  rig.fake.intercept = (request, response, serve) => (request.method === 'GET' ? serve() : response.end())
  const { problem } = await failsWith('WriteNotConfirmed', () =>
    removeStrays(rig.driver(), strays('tcp/203.0.113.10:443')),
  )
  assert.match(problem.message, /fairway\.prod\.old\.tcp/)
})
