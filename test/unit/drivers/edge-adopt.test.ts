import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OTHER_UID, table, UID } from '../edge/builders.ts'
import { OWNER, pass, signal, startRig } from './edge-rig.ts'
import { failsWith } from './rig.ts'

const BOTH = table(['203.0.113.10:443', '203.0.113.10:80'])
const REBUILT = { ...OWNER, uid: OTHER_UID }
const PATH = '/v1/tables/prod-a/public'

test('a table is adopted without its content, by a credential of the class alone', async (context) => {
  const rig = await startRig(context)
  await pass(rig.driver({ epoch: 7 }), BOTH)
  const driver = rig.driver({ owner: REBUILT, token: 'a-public', epoch: 0 })
  const held = { frontends: 2, writtenAt: '2026-08-01T00:00:00.000Z' }
  assert.deepEqual(await driver.holdings?.(signal), [{ ...held, uid: UID }])
  rig.seen.splice(0)
  await driver.adopt?.(UID, signal)
  const [sent, ...more] = rig.writes()
  assert.deepEqual([sent?.what, more], [`PATCH ${PATH}`, []])
  assert.ok((sent?.bytes ?? 0) < 200, `${sent?.bytes} bytes`)
  assert.deepEqual(await driver.holdings?.(signal), [{ ...held, uid: OTHER_UID }])
  assert.deepEqual(await pass(rig.driver({ owner: REBUILT }), BOTH), { refused: [], wrote: false })
  await failsWith('OwnerConflict', () => rig.driver({ epoch: 7 }).read(signal))
})

test('what another UID holds, or nobody, is not written', async (context) => {
  const rig = await startRig(context)
  const driver = rig.driver({ owner: REBUILT })
  assert.deepEqual(await driver.holdings?.(signal), [])
  await driver.adopt?.(UID, signal)
  await pass(rig.driver(), BOTH)
  rig.seen.splice(0)
  await driver.adopt?.('third', signal)
  assert.deepEqual(rig.writes(), [])
})

test('a write of the old operator in between is a lost race', async (context) => {
  const rig = await startRig(context)
  const old = rig.driver()
  await pass(old, BOTH)
  rig.intercept = async (request, _response, serve) => {
    if (request.method === 'PATCH') await rig.world.put('prod-a/public', table(['203.0.113.10:443']))
    return serve()
  }
  await failsWith('RevisionConflict', async () => rig.driver({ owner: REBUILT }).adopt?.(UID, signal))
  rig.intercept = undefined
  assert.equal((await old.read(signal)).table.frontends.length, 1)
})

test('an edge that is too old for it says so, with what to do', async (context) => {
  const rig = await startRig(context)
  await pass(rig.driver(), BOTH)
  rig.intercept = async (request, response, serve) => {
    if (request.method === 'GET') return serve()
    const error = { code: 'BodyInvalid', message: 'the body: Unrecognized key: "adopts"', remedy: 'Correct it' }
    response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(error))
  }
  const { problem } = await failsWith('ProxyRejected', async () => rig.driver({ owner: REBUILT }).adopt?.(UID, signal))
  assert.match(problem.message, /is of a version that cannot change the owner of a table/)
  assert.match(problem.remedy, /Upgrade fairway on the proxy/)
})
