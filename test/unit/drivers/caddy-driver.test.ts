import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serverId } from '../../../src/caddy/names.ts'
import { renderServer } from '../../../src/caddy/render.ts'
import type { ProblemCode } from '../../../src/model/problems.ts'
import { serverKey } from '../../../src/model/server-names.ts'
import { EMPTY_TABLE, frontendKey } from '../../../src/model/table.ts'
import { frontend, observed as seen } from '../../support/builders.ts'
import { reject } from './fake-admin.ts'
import { applyTo, createRig, failsWith, planFor, signal, tableOf } from './rig.ts'
import { OWNER, served } from './tables.ts'

const web = frontend()
const key = serverKey(OWNER, web)

test('an empty plan sends nothing', async (t) => {
  const rig = await createRig(t)
  const applied = await rig.driver().apply(planFor(seen(EMPTY_TABLE), EMPTY_TABLE), signal)
  assert.deepEqual(applied, { refused: [], wrote: false })
  assert.deepEqual(rig.fake.requests, [])
})

test('one write, read back, and none for what is there already', async (t) => {
  const rig = await createRig(t)
  const one = rig.driver()
  assert.deepEqual(await applyTo(one, tableOf(web)), { refused: [], wrote: true })
  assert.deepEqual(rig.fake.requests, ['GET /config/apps', 'PUT /config/apps/layer4/servers', 'GET /config/apps'])
  assert.deepEqual(await applyTo(one, tableOf(web)), { refused: [], wrote: false })
  assert.deepEqual(await applyTo(one, EMPTY_TABLE), { refused: [], wrote: true })
  assert.equal(rig.fake.requests.filter((line) => line.startsWith('POST')).length, 1)
  assert.deepEqual(rig.servers(), {})
})

test('every request has a socket of its own, and bears no header of a browser', async (t) => {
  const rig = await createRig(t)
  const sockets = new Set<unknown>()
  rig.fake.intercept = (request, _response, serve) => {
    sockets.add(request.socket)
    assert.equal(request.headers.connection, 'close')
    assert.equal(request.headers['sec-fetch-mode'] ?? request.headers.origin, undefined)
    return serve()
  }
  await applyTo(rig.driver(), tableOf(web))
  assert.equal(sockets.size, 3)
})

test('servers of others come back as they were, whatever their names', async (t) => {
  const rig = await createRig(t)
  const foreign = JSON.parse(
    '{"443":{"listen":[":1"],"x":1e21},"__proto__":{"listen":[]},"constructor":{},"fairway.prod-a.public.tcp.203.0.113.10.443":{"@id":"y"}}',
  ) as object
  rig.fake.apps = { layer4: { servers: foreign } }
  await applyTo(rig.driver(), tableOf(web))
  const { [key]: mine, ...rest } = rig.servers()
  assert(mine !== undefined)
  assert.equal(JSON.stringify(rest), JSON.stringify(foreign))
})

test('what is ours and what is not', async (t) => {
  const rig = await createRig(t)
  const json = renderServer({ owner: OWNER, listen: {} }, served(web))
  const { '@id': _, ...unmarked } = json
  const elsewhere = { ...json, listen: ['tcp4/203.0.113.11:443'] }
  const cases: readonly (readonly [string, object, served: boolean, drifted: boolean])[] = [
    [key, json, true, false],
    [key, unmarked, false, true],
    [key, { ...json, '@id': 'mine-now' }, false, true],
    [key, elsewhere, false, true],
    ['renamed', json, false, true],
    ['renamed', unmarked, false, false],
    [key.replace('prod', 'prod-a'), json, false, true],
    [key.replace('public', 'public-2'), unmarked, false, false],
    [`${key}.bak`, unmarked, false, false],
  ]
  for (const [name, server, isServed, drifted] of cases) {
    rig.fake.apps = { layer4: { servers: { [name]: server } } }
    const observed = await rig.driver().read(signal)
    assert.equal(observed.table.frontends.length, isServed ? 1 : 0, name)
    assert.deepEqual([...observed.drifted], drifted ? [frontendKey(web)] : [], name)
    assert.equal(
      observed.listeners.filter(({ holder }) => holder.startsWith('apps.')).length,
      isServed || drifted ? 0 : 1,
      name,
    )
  }
})

test('an edited server is written again, a renamed one under its right name', async (t) => {
  const rig = await createRig(t)
  const json = renderServer({ owner: OWNER, listen: {} }, served(web))
  for (const before of [{ [key]: { ...json, listen: ['tcp4/203.0.113.11:443'] } }, { renamed: json }, { [key]: {} }]) {
    rig.fake.apps = { layer4: { servers: before } }
    assert.deepEqual(await applyTo(rig.driver(), tableOf(web)), { refused: [], wrote: true })
    assert.deepEqual(rig.servers(), { [key]: json })
  }
})

test('a copied configuration is refused whole', async (t) => {
  const rig = await createRig(t)
  const copied = { ...OWNER, uid: 'a-uid-of-another-cluster' }
  rig.fake.apps = { layer4: { servers: { [key]: { '@id': serverId(copied, key) } } } }
  const { problem } = await failsWith('OwnerConflict', () => rig.driver().read(signal))
  assert.match(problem.message, /prod\/public/)
  assert.match(problem.remedy, /"fairway adopt --class public --proxy edge-1 --from a-uid-of-another-cluster"$/)
})

test('a race that is lost is a reason to read again', async (t) => {
  const rig = await createRig(t)
  const one = rig.driver()
  const observed = await one.read(signal)
  rig.fake.apps = { http: { servers: {} } }
  const { problem } = await failsWith('RevisionConflict', () => one.apply(planFor(observed, tableOf(web)), signal))
  assert.equal(problem.kind, 'transient')
  await failsWith('RevisionConflict', async () => {
    await one.read(signal)
    await one.apply(planFor(observed, tableOf(web)), signal)
  })
})

test('an answer that got lost is settled by reading back', async (t) => {
  const rig = await createRig(t)
  const one = rig.driver()
  const observed = await one.read(signal)
  rig.fake.intercept = async (request) => {
    rig.fake.intercept = undefined
    assert(await rig.fake.store(request))
    request.socket.resetAndDestroy()
  }
  assert.deepEqual(await one.apply(planFor(observed, tableOf(web)), signal), { refused: [], wrote: true })
  const again = await one.read(signal)
  rig.fake.intercept = (request) => {
    rig.fake.intercept = undefined
    request.socket.resetAndDestroy()
  }
  const { problem } = await failsWith('ProxyUnreachable', () => one.apply(planFor(again, EMPTY_TABLE), signal))
  assert.equal(problem.kind, 'transient')
})

test('reads survive dropped connections, a few', async (t) => {
  const rig = await createRig(t)
  let drops = 2
  rig.fake.intercept = (request, _response, serve) => (drops-- > 0 ? request.socket.resetAndDestroy() : serve())
  await rig.driver().read(signal)
  assert.equal(rig.fake.requests.length, 3)
  drops = Number.POSITIVE_INFINITY
  await failsWith('ProxyUnreachable', () => rig.driver().read(signal))
})

test('silence ends at the deadline, and at once when the signal says so', async (t) => {
  const rig = await createRig(t)
  rig.fake.intercept = () => {}
  const { problem } = await failsWith('ProxyUnreachable', () => rig.driver({ timeoutMs: 100 }).read(signal))
  assert.match(problem.message, /no answer within 100 ms/)
  const abort = new AbortController()
  const reading = rig.driver().read(abort.signal)
  setTimeout(() => abort.abort(new Error('stop')), 20)
  await assert.rejects(reading, /stop/)
})

test('a write that is aborted says so, and is no answer about the proxy', async (t) => {
  const rig = await createRig(t)
  const one = rig.driver()
  const observed = await one.read(signal)
  const abort = new AbortController()
  rig.fake.intercept = () => abort.abort(new Error('stop'))
  await assert.rejects(one.apply(planFor(observed, tableOf(web)), abort.signal), /stop/)
})

test('answers have codes and remedies', async (t) => {
  const rig = await createRig(t)
  const cases: readonly (readonly [number, string, ProblemCode, RegExp])[] = [
    [403, 'host not allowed: 10.0.0.1:2019', 'ProxyUnauthorized', /admin\.origins/],
    [401, 'client identity not authorized', 'ProxyUnauthorized', /access_control/],
    [502, 'Bad Gateway', 'ProxyUnreachable', /Check that Caddy runs/],
    [404, 'not found', 'ProxyUnreachable', /admin\.listen/],
    [400, 'Client sent an HTTP request to an HTTPS server.', 'ProxyUnreachable', /scheme/],
    [500, 'out of order', 'ProxyRejected', /log/],
  ]
  for (const [status, text, code, remedy] of cases) {
    rig.fake.intercept = (_request, response) => reject(response, status, text)
    const { problem } = await failsWith(code, () => rig.driver().read(signal))
    assert.match(problem.remedy, remedy)
    assert.match(problem.message, /proxy edge-1 at http:\/\/127\.0\.0\.1:\d+ /)
  }
  rig.fake.intercept = (_request, response) => response.end('<html>nginx</html>')
  const { problem } = await failsWith('ProxyUnreachable', () => rig.driver().read(signal))
  assert.match(problem.message, /not Caddy's admin API.*nginx/)
})

test('a rejected configuration is told in words of Caddy, cut to a length', async (t) => {
  const rig = await createRig(t)
  const one = rig.driver()
  for (const [text, code] of [
    ['loading new config: loading layer4 app module: unknown module: layer4', 'ProxyLayer4Missing'],
    [
      "loading new config: loading layer4 app module: server 'x': unknown module: layer4.handlers.proxy",
      'ProxyRejected',
    ],
    [`loading new config: ${'x'.repeat(5_000)}`, 'ProxyRejected'],
    [
      'loading new config: http app module: start: listening on :443: listen tcp :443: bind: address already in use',
      'ProxyRejected',
    ],
    [
      'loading new config: layer4 app module: start: listen tcp4 10.9.9.9:80: bind: address already in use',
      'ProxyRejected',
    ],
  ] as const) {
    rig.fake.intercept = (request, response, serve) =>
      request.method === 'GET' ? serve() : reject(response, 500, text)
    const { problem } = await failsWith(code, () => applyTo(one, tableOf(web)))
    assert(problem.message.length < 500)
    assert.equal(rig.fake.requests.filter((line) => line.startsWith('PUT')).length, 1)
    rig.fake.requests.splice(0)
  }
})

test('a write that was accepted but is not there is not taken for done', async (t) => {
  const rig = await createRig(t)
  rig.fake.intercept = (request, response, serve) => (request.method === 'GET' ? serve() : response.end())
  const { problem } = await failsWith('WriteNotConfirmed', () => applyTo(rig.driver(), tableOf(web)))
  assert.equal(problem.kind, 'transient')
})

test('what is to be kept stays as it is, edited by hand or not', async (t) => {
  const rig = await createRig(t)
  const one = rig.driver()
  const other = frontend({ port: 80 })
  await applyTo(one, tableOf(web, other))
  const before = structuredClone(rig.servers()[key])
  const plan = planFor(await one.read(signal), EMPTY_TABLE)
  await one.apply({ ...plan, keep: new Set([frontendKey(web)]) }, signal)
  assert.deepEqual(rig.servers(), { [key]: before })
})
