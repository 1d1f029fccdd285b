import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EMPTY_TABLE, frontendKey } from '../../../src/model/table.ts'
import { table, UID } from '../edge/builders.ts'
import { codes, type EdgeRig, OWNER, pass, planFor, signal, startRig } from './edge-rig.ts'
import { failsWith } from './rig.ts'

const WEB = table(['203.0.113.10:443'])
const BOTH = table(['203.0.113.10:443', '203.0.113.10:80'])
const KEYS = { web: 'tcp/203.0.113.10:443', ssh: 'tcp/203.0.113.10:22' }

function whats(rig: EdgeRig): readonly string[] {
  return rig.writes().map(({ what }) => what)
}

describe('other classes of the cluster', () => {
  const other = { ...OWNER, className: 'old' }

  test('are siblings to a credential for all of it, and unknown to one for a class', async (context) => {
    const rig = await startRig(context)
    await pass(rig.driver({ owner: other }), BOTH)
    const siblings = async (token: string) => (await rig.driver({ token }).read(signal)).siblings
    assert.deepEqual(
      await siblings('a-all'),
      BOTH.frontends.map((one) => ({ className: 'old', key: frontendKey(one) })),
    )
    assert.deepEqual(await siblings('a-public'), [])
    const copied = rig.driver({ owner: { ...OWNER, uid: 'another' } })
    assert.deepEqual((await copied.read(signal)).siblings, [])
  })

  test('lose strays one by one, and the table with the last one; what that frees is served at once', async (context) => {
    const rig = await startRig(context)
    await pass(rig.driver({ owner: other }), BOTH)
    const driver = rig.driver()
    assert.deepEqual(codes(await pass(driver, WEB)), [`${KEYS.web} PortTaken`])
    rig.seen.splice(0)
    const strays = BOTH.frontends.map((one) => ({ className: 'old', key: frontendKey(one) }))
    const [web, mail] = [strays.slice(0, 1), strays.slice(1)]
    assert.deepEqual(await pass(driver, WEB, { strays: mail }), {
      refused: (await driver.read(signal)).refused,
      wrote: true,
    })
    assert.deepEqual(await pass(driver, WEB, { strays: web }), { refused: [], wrote: true })
    assert.deepEqual(whats(rig), ['PATCH /v1/tables/prod-a/old', `DELETE /v1/tables/prod-a/old?uid=${UID}&epoch=1`])
    assert.deepEqual((await driver.read(signal)).siblings, [])
  })

  test('are not touched when they have changed since they were read', async (context) => {
    const rig = await startRig(context)
    const old = rig.driver({ owner: other })
    await pass(old, WEB)
    const driver = rig.driver()
    const plan = await planFor(driver, EMPTY_TABLE, { strays: [{ className: 'old', key: KEYS.web }] })
    await pass(old, BOTH)
    await failsWith('RevisionConflict', () => driver.apply(plan, signal))
    assert.equal((await old.read(signal)).table.frontends.length, 2)
  })
})

describe('another writer', () => {
  test('who comes in between makes ours fail, whether we have read since or not', async (context) => {
    const rig = await startRig(context)
    const [driver, other] = [rig.driver(), rig.driver()]
    const plan = await planFor(driver, WEB)
    await pass(other, BOTH)
    const failure = await failsWith('RevisionConflict', () => driver.apply(plan, signal))
    assert.equal(
      failure.problem.message,
      `proxy edge-1 at ${rig.url} answers for prod-a/public: the table prod-a/public is at generation 1, not at none`,
    )
    await driver.read(signal)
    assert.match(
      (await failsWith('RevisionConflict', () => driver.apply(plan, signal))).message,
      /another than the one/,
    )
    const used = await planFor(driver, WEB)
    await driver.apply(used, signal)
    await failsWith('RevisionConflict', () => driver.apply(used, signal))
  })

  test('of a later epoch ends ours; one without a Lease goes by generations alone', async (context) => {
    const rig = await startRig(context)
    const [former, leader, alone] = [rig.driver({ epoch: 7 }), rig.driver({ epoch: 8 }), rig.driver({ epoch: 0 })]
    await pass(former, WEB)
    await pass(leader, BOTH)
    const failure = await failsWith('LeaseLost', () => pass(former, WEB))
    assert.match(failure.problem.message, /epoch 7 is over: the table prod-a\/public was written in epoch 8/)
    assert.equal((await pass(alone, WEB)).wrote, true)
    await failsWith('LeaseLost', () => pass(former, BOTH))
    assert.equal(rig.world.referee.tables.get('prod-a/public')?.epoch, 8)
  })

  test('of another cluster with our name is told apart by its UID, with what to do', async (context) => {
    const rig = await startRig(context)
    await pass(rig.driver(), WEB)
    const copy = rig.driver({ owner: { ...OWNER, uid: 'another' } })
    const { problem } = await failsWith('OwnerConflict', () => copy.read(signal))
    assert.match(
      problem.message,
      /the table prod-a\/public on proxy edge-1 at .* belongs to another cluster of that name/,
    )
    assert.match(problem.remedy, /"fairway adopt --class public --proxy edge-1 --from \S+"$/)
  })

  test('is not asked when the Lease is lost: nothing is sent', async (context) => {
    const rig = await startRig(context)
    await assert.rejects(pass(rig.driver({ fence: loseLease }), WEB))
    assert.deepEqual(whats(rig), [])
  })
})

function loseLease(): never {
  throw new Error('lost')
}
