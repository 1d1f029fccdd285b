import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serverId } from '../../../src/caddy/names.ts'
import { renderServer } from '../../../src/caddy/render.ts'
import { serverKey } from '../../../src/model/server-names.ts'
import type { Frontend, Owner, Served } from '../../../src/model/table.ts'
import { frontend } from '../../support/builders.ts'
import { reject } from './fake-admin.ts'
import { createRig, failsWith, signal } from './rig.ts'
import { NODES, OWNER } from './tables.ts'

const OLD: Owner = { ...OWNER, uid: 'the-uid-of-before' }
const THIRD: Owner = { ...OWNER, uid: 'a-third-one' }

function serve(wishes: Partial<Frontend> = {}, targets = NODES): Served {
  return { frontend: frontend(wishes), targets }
}

const WEB = serve()
/** With a note in the `@id` of its handler. */
const EMPTY = serve({ port: 80 }, [])
/** Shares its socket by names, one of them without targets. */
const NAMED = [
  serve({ port: 8443, hosts: ['a.example'] }, []),
  serve({ port: 8443, sourceRanges: ['192.0.2.0/24'] }),
] as const

function render(owner: Owner, ...all: readonly [Served, ...Served[]]): Readonly<Record<string, unknown>> {
  return { [serverKey(owner, all[0].frontend)]: renderServer({ owner, listen: {} }, all) }
}

function renderAll(owner: Owner): Readonly<Record<string, unknown>> {
  return { ...render(owner, WEB), ...render(owner, EMPTY), ...render(owner, ...NAMED) }
}

const BESIDE = {
  mine: { '@id': 'mine', listen: [':22'], routes: [] },
  ...render({ ...OLD, className: 'internal' }, serve({ port: 5432 })),
  ...render({ ...OLD, cluster: 'prod-a' }, serve({ port: 5433 })),
  // Bears the mark of before under a name that is not ours: somebody's.
  moved: renderServer({ owner: OLD, listen: {} }, [serve({ port: 5434 })]),
}

test('servers of before become as the operator would write them, in one write, and nothing else changes', async (t) => {
  const rig = await createRig(t)
  rig.fake.apps = { layer4: { servers: { ...renderAll(OLD), ...BESIDE } } }
  const driver = rig.driver()
  assert.deepEqual(await driver.holdings?.(signal), [{ uid: OLD.uid, frontends: 4, writtenAt: undefined }])
  const sent = rig.fake.requests.length
  await driver.adopt?.(OLD.uid, signal)
  assert.deepEqual(rig.fake.requests.slice(sent), ['GET /config/apps', 'POST /config/apps/layer4/servers'])
  assert.deepEqual(rig.servers(), { ...renderAll(OWNER), ...BESIDE })
  const { drifted, table } = await driver.read(signal)
  assert.deepEqual([drifted.size, table.frontends.length], [0, 4])
  await failsWith('OwnerConflict', () => rig.driver({ owner: OLD }).read(signal))
})

test('what was edited by hand stays edited, and is found to be', async (t) => {
  const rig = await createRig(t)
  const key = serverKey(OLD, EMPTY.frontend)
  const json = renderServer({ owner: OLD, listen: {} }, [EMPTY])
  const edited = { ...json, listen: ['tcp4/203.0.113.77:80'], note: { '@id': 'theirs', list: [1, null] } }
  rig.fake.apps = { layer4: { servers: { [key]: edited } } }
  await rig.driver().adopt?.(OLD.uid, signal)
  const ours = renderServer({ owner: OWNER, listen: {} }, [EMPTY])
  assert.deepEqual(rig.servers(), { [key]: { ...edited, '@id': ours['@id'], routes: ours.routes } })
  assert.equal((await rig.driver().read(signal)).drifted.size, 1)
})

test('a mark of another socket is made ours, too: it would be in the way for good', async (t) => {
  const rig = await createRig(t)
  const [key, other] = [serverKey(OLD, WEB.frontend), serverKey(OLD, EMPTY.frontend)]
  rig.fake.apps = { layer4: { servers: { [key]: { '@id': serverId(OLD, other) } } } }
  await rig.driver().adopt?.(OLD.uid, signal)
  assert.deepEqual(rig.servers(), { [key]: { '@id': serverId(OWNER, other) } })
  await rig.driver().read(signal)
})

test('only the UID that is named is adopted', async (t) => {
  const rig = await createRig(t)
  const servers = { ...render(OLD, WEB), ...render(THIRD, EMPTY), ...render(OWNER, ...NAMED) }
  rig.fake.apps = { layer4: { servers } }
  const driver = rig.driver()
  const uids = async () => (await driver.holdings?.(signal))?.map(({ uid, frontends }) => `${uid} ${frontends}`)
  assert.deepEqual(await uids(), [`${OLD.uid} 1`, `${THIRD.uid} 1`, `${OWNER.uid} 2`])
  await driver.adopt?.('nobody', signal)
  assert.deepEqual(rig.servers(), servers)
  await driver.adopt?.(OLD.uid, signal)
  assert.deepEqual(rig.servers(), { ...servers, ...render(OWNER, WEB) })
  await failsWith('OwnerConflict', () => driver.read(signal))
})

test('whoever writes in between makes it fail', async (t) => {
  const rig = await createRig(t)
  rig.fake.apps = { layer4: { servers: renderAll(OLD) } }
  rig.fake.intercept = (request, response, answer) =>
    request.method === 'GET' ? answer() : reject(response, 412, 'If-Match header did not match current config hash')
  const { problem } = await failsWith('RevisionConflict', async () => rig.driver().adopt?.(OLD.uid, signal))
  assert.equal(problem.kind, 'transient')
  assert.deepEqual(rig.servers(), renderAll(OLD))
})
