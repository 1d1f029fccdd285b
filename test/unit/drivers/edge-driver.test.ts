import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Observed } from '../../../src/model/driver.ts'
import { EMPTY_TABLE, frontendKey, makeTable, type Table } from '../../../src/model/table.ts'
import { on, table } from '../edge/builders.ts'
import { codes, type EdgeRig, OWNER, pass, planFor, signal, startRig } from './edge-rig.ts'
import { failsWith } from './rig.ts'

const WEB = table(['203.0.113.10:443'])
const BOTH = table(['203.0.113.10:443', '203.0.113.10:80'])
const DOWN = {
  code: 'ProxyUnreachable',
  kind: 'transient',
  message: 'HAProxy does not answer on its master socket /run/haproxy-master.sock',
  remedy: 'Check that HAProxy runs',
} as const
const KEYS = { web: 'tcp/203.0.113.10:443', ssh: 'tcp/203.0.113.10:22' }

function keysOf({ table: { frontends } }: Pick<Observed, 'table'>): readonly string[] {
  return frontends.map(frontendKey)
}

function whats(rig: EdgeRig): readonly string[] {
  return rig.writes().map(({ what }) => what)
}

async function removeTable({ world }: EdgeRig, uid: string, generation: number): Promise<void> {
  const headers = { 'if-match': `"${generation}"` }
  const { status } = await world.send(`DELETE /v1/tables/prod-a/public?uid=${uid}&epoch=1`, { token: 'a-all', headers })
  assert.equal(status, 200)
}

describe('what travels', () => {
  test('is the whole table once, then differences, and nothing where there is none', async (context) => {
    const rig = await startRig(context)
    const driver = rig.driver()
    assert.deepEqual(await pass(driver, EMPTY_TABLE), { refused: [], wrote: false })
    assert.deepEqual(await pass(driver, WEB), { refused: [], wrote: true })
    assert.deepEqual(whats(rig), ['PUT /v1/tables/prod-a/public'])
    assert.deepEqual(await pass(driver, BOTH), { refused: [], wrote: true })
    assert.deepEqual(whats(rig), ['PATCH /v1/tables/prod-a/public'])
    assert.deepEqual(await pass(driver, BOTH), { refused: [], wrote: false })
    assert.deepEqual(await pass(rig.driver(), BOTH), { refused: [], wrote: false })
    assert.deepEqual(whats(rig), [])
    assert.deepEqual(await pass(driver, EMPTY_TABLE), { refused: [], wrote: true })
    assert.deepEqual(keysOf(await driver.read(signal)), [])
    assert.deepEqual(rig.world.served(), [])
  })

  test('is never a table that is known already, not even the one that was just written', async (context) => {
    const rig = await startRig(context)
    const driver = rig.driver()
    await pass(driver, WEB)
    rig.seen.splice(0)
    const [one, other] = [await driver.read(signal), await driver.read(signal)]
    assert.deepEqual(one, other)
    assert.deepEqual(keysOf(one), ['tcp/203.0.113.10:443'])
    const asked = rig.seen.filter(({ what }) => what.startsWith('GET /v1/tables/prod-a/public'))
    assert.deepEqual(
      asked.map(({ what }) => what),
      ['GET /v1/tables/prod-a/public?known=1', 'GET /v1/tables/prod-a/public?known=1'],
    )
    assert.ok(asked.every(({ answerBytes }) => answerBytes < 200))
  })

  test('is all of it again when somebody else has written', async (context) => {
    const rig = await startRig(context)
    const [driver, other] = [rig.driver(), rig.driver()]
    await pass(driver, WEB)
    await pass(other, BOTH)
    assert.deepEqual(keysOf(await driver.read(signal)), keysOf({ table: BOTH }))
  })

  test('is all of it again when the table was made anew meanwhile, whose generations begin anew', async (context) => {
    const rig = await startRig(context)
    const [driver, heir] = [rig.driver(), rig.driver()]
    const stranger = rig.driver({ owner: { ...OWNER, uid: 'another-one' } })
    await pass(driver, WEB)
    await pass(driver, BOTH)
    await removeTable(rig, OWNER.uid, 2)
    await pass(stranger, WEB)
    await failsWith('OwnerConflict', () => driver.read(signal))
    await removeTable(rig, 'another-one', 1)
    await pass(heir, BOTH)
    await pass(heir, WEB)
    assert.deepEqual(keysOf(await driver.read(signal)), keysOf({ table: WEB }))
  })

  test('is all of it again when another cluster wrote it as often, and it was adopted since', async (context) => {
    const rig = await startRig(context)
    const driver = rig.driver()
    await pass(driver, WEB)
    await pass(driver, BOTH)
    await removeTable(rig, OWNER.uid, 2)
    await pass(rig.driver({ owner: { ...OWNER, uid: 'another-one' } }), WEB)
    await rig.driver({ epoch: 0 }).adopt?.('another-one', signal)
    assert.deepEqual(keysOf(await driver.read(signal)), keysOf({ table: WEB }))
    assert.equal((await pass(driver, BOTH)).wrote, true)
    assert.deepEqual(rig.world.served().length, 2)
  })

  test('is one small request for a node that leaves, at 5,000 Services on 1,000 nodes', async (context) => {
    const rig = await startRig(context, {
      rules: { quota: { frontends: 10_000, entries: 50_000, targets: 200_000 } },
    })
    const driver = rig.driver()
    const nodes = Array.from({ length: 1_000 }, (_, at) => ({ name: `n${at}`, address: address('10.0', at) }))
    const shards = Array.from({ length: 256 }, (_, shard) => ({
      id: `nodes/${shard}`,
      targets: nodes.filter((__, at) => (at * 31 + shard * 17) % 1_000 < 16),
    }))
    const frontends = Array.from({ length: 5_000 }, (_, at) =>
      on(`${address('203.0', 113 * 256 + (at % 250))}:${1_000 + Math.floor(at / 250)}`, { group: `nodes/${at % 256}` }),
    )
    await pass(driver, makeTable(frontends, [...shards, { id: 'all', targets: nodes }]))
    const gone = nodes[500]
    const fewer = shards.map(({ id, targets }) => ({ id, targets: targets.filter((one) => one !== gone) }))
    rig.seen.splice(0)
    assert.equal((await pass(driver, makeTable(frontends, fewer))).wrote, true)
    const [write, ...more] = rig.writes()
    assert.ok(write !== undefined && more.length === 0)
    assert.ok(write.bytes < 64 * 1_024 && write.answerBytes < 1_024, JSON.stringify(write))
    const stored = rig.world.referee.tables.get('prod-a/public')
    assert.equal(JSON.stringify(stored?.table.groups).includes(`"${gone?.name}"`), false)
  })
})

function address(net: string, at: number): string {
  return `${net}.${Math.floor(at / 256)}.${at % 256}`
}

describe('what is refused', () => {
  test('is part of what the edge has, told at each reading, and not written again', async (context) => {
    const rig = await startRig(context)
    const driver = rig.driver()
    const both = table(['203.0.113.10:443', '203.0.113.10:22'])
    assert.deepEqual(codes(await pass(driver, both)), [`${KEYS.ssh} PortDenied`])
    const observed = await driver.read(signal)
    assert.deepEqual(codes(observed), [`${KEYS.ssh} PortDenied`])
    assert.deepEqual((await planFor(driver, both)).changes, [])
    rig.seen.splice(0)
    const again = await pass(driver, both)
    assert.deepEqual([codes(again), again.wrote], [[`${KEYS.ssh} PortDenied`], false])
    assert.deepEqual(whats(rig), [])
  })

  test('goes with the wish for it: it must not be served one day', async (context) => {
    const driver = (await startRig(context)).driver()
    await pass(driver, table(['203.0.113.10:443', '203.0.113.10:22']))
    const plan = await planFor(driver, WEB)
    assert.deepEqual(
      plan.changes.map(({ kind, key }) => `${kind} ${key}`),
      [`remove ${KEYS.ssh}`],
    )
    assert.deepEqual(await driver.apply(plan, signal), { refused: [], wrote: true })
    assert.deepEqual(keysOf(await driver.read(signal)), [KEYS.web])
  })

  test('may be served without another write, and the holder of a socket hears of those who want it', async (context) => {
    const rig = await startRig(context)
    const holder = rig.driver()
    const other = rig.driver({ owner: { ...OWNER, cluster: 'prod-b' }, token: 'b-public' })
    await pass(holder, WEB)
    assert.deepEqual(codes(await pass(other, WEB)), [`${KEYS.web} PortTaken`])
    assert.deepEqual(codes({ refused: (await holder.read(signal)).notices }), [`${KEYS.web} PortTaken`])
    await pass(holder, EMPTY_TABLE)
    assert.deepEqual(codes(await other.read(signal)), [])
    assert.deepEqual(await pass(other, WEB), { refused: [], wrote: false })
  })
})

describe('trouble of the program', () => {
  test('is told with what is stored, and fails an apply that has nothing to write', async (context) => {
    const rig = await startRig(context)
    const driver = rig.driver()
    await pass(driver, WEB)
    rig.world.memory.broken = DOWN
    // As at a look that nobody has asked for.
    await rig.world.referee.start()
    const { trouble, table: stored } = await driver.read(signal)
    assert.deepEqual([trouble?.code, trouble?.kind], ['ProxyUnreachable', 'transient'])
    assert.equal(
      trouble?.message,
      `proxy edge-1 at ${rig.url} is not known to serve its table: HAProxy does not answer on its master socket /run/haproxy-master.sock`,
    )
    assert.deepEqual(stored.frontends.map(frontendKey), [KEYS.web])
    await failsWith('ProxyUnreachable', () => pass(driver, WEB))
  })

  test('fails a write too, and ends with one that succeeds', async (context) => {
    const rig = await startRig(context)
    const driver = rig.driver()
    await pass(driver, WEB)
    rig.world.memory.broken = DOWN
    await rig.world.referee.start()
    const failure = await failsWith('ProxyUnreachable', () => pass(driver, BOTH))
    assert.match(failure.problem.message, /answers for prod-a\/public: HAProxy does not answer/)
    // Nobody knows.
    assert.doesNotMatch(failure.problem.message, /served/)
    assert.deepEqual(keysOf(await driver.read(signal)), [KEYS.web])
    rig.world.memory.broken = undefined
    assert.deepEqual(await pass(driver, BOTH), { refused: [], wrote: true })
    assert.equal((await driver.read(signal)).trouble, undefined)
  })
})

describe('what is kept though the table lacks it', () => {
  const OLD = table([on('203.0.113.10:443', { group: 'a' }), on('203.0.113.10:80', { group: 'a' })])
  const moved: Table = makeTable(
    [on('203.0.113.10:80', { group: 'a' })],
    [{ id: 'a', targets: [{ name: 'n9', address: '10.0.0.9' }] }],
  )
  const keep = new Set([KEYS.web])

  test('stays as it is, with the targets that it has, pass after pass', async (context) => {
    const rig = await startRig(context)
    const driver = rig.driver()
    await pass(driver, OLD)
    assert.equal((await pass(driver, moved, { keep })).wrote, true)
    assert.deepEqual(targetsOf(await driver.read(signal)), ['443 10.0.0.1,10.0.0.2', '80 10.0.0.9'])
    assert.equal((await pass(driver, moved, { keep })).wrote, false)
  })

  test('is told apart from what was kept before under the same name', async (context) => {
    const driver = (await startRig(context)).driver()
    await pass(driver, OLD)
    await pass(driver, moved, { keep })
    const again = makeTable(
      [on('203.0.113.10:25', { group: 'a' })],
      [{ id: 'a', targets: [{ name: 'n8', address: '10.0.0.8' }] }],
    )
    await pass(driver, again, { keep: new Set([KEYS.web, 'tcp/203.0.113.10:80']) })
    assert.deepEqual(targetsOf(await driver.read(signal)), ['25 10.0.0.8', '443 10.0.0.1,10.0.0.2', '80 10.0.0.9'])
  })
})

describe('what the API has no words for', () => {
  test('is refused by name, and what was served before goes on', async (context) => {
    const driver = (await startRig(context)).driver()
    const long = on('203.0.113.10:80', { idleTimeoutMs: 90_000_000_000 })
    const bad = { id: 'bad', targets: [{ name: 'x', address: 'foo;bar' }] }
    const lost = on('203.0.113.10:443', { group: 'bad' })
    await pass(driver, WEB)
    const wanted = makeTable([lost, long, on('203.0.113.10:25')], [...WEB.groups, bad])
    const applied = await pass(driver, wanted)
    assert.deepEqual(codes(applied), ['tcp/203.0.113.10:443 TargetRefused', 'tcp/203.0.113.10:80 AnnotationInvalid'])
    assert.deepEqual(
      applied.refused.map(({ problem }) => problem.message),
      [
        'target "foo;bar" of tcp/203.0.113.10:443 is no address that proxy edge-1 may be given',
        'tcp/203.0.113.10:80 is nothing that proxy edge-1 may be given: idleTimeoutMs Too big: expected number to be <=2073600000',
      ],
    )
    assert.deepEqual(keysOf(await driver.read(signal)), ['tcp/203.0.113.10:25', 'tcp/203.0.113.10:443'])
    assert.deepEqual(codes(await pass(driver, wanted)), codes(applied))
  })

  test('is said otherwise where it is a name that only we need', async (context) => {
    const rig = await startRig(context)
    const driver = rig.driver()
    const id = `nodes/InternalIP/IPv4/a=b,\n${'x'.repeat(2_000)}`
    const targets = [
      { name: 'once', address: '10.0.0.1' },
      { name: 'a node of ours', address: '10.0.0.1' },
    ]
    const wanted = makeTable([on('203.0.113.10:443', { group: id })], [{ id, targets }])
    assert.deepEqual(await pass(driver, wanted), { refused: [], wrote: true })
    const [group] = rig.world.referee.tables.get('prod-a/public')?.table.groups ?? []
    assert.match(group?.id ?? '', /^sha256\/[0-9a-f]{64}$/)
    assert.deepEqual(group?.targets, [{ name: '', address: '10.0.0.1' }])
    assert.equal((await pass(driver, wanted)).wrote, false)
  })
})

function targetsOf({ table: { frontends, groups } }: Observed): readonly string[] {
  return frontends.map((one) => {
    const targets = groups.find(({ id }) => id === one.group)?.targets.map(({ address: at }) => at)
    return `${one.port} ${targets?.join()}`
  })
}
