/** What a cluster has left is taken over by the one that replaces it, on real proxies, while clients use it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adoptOn } from '../../src/cli/adopt-proxy.ts'
import { FairwayError } from '../../src/model/problems.ts'
import { buildCaddy } from '../lab/build.ts'
import { toStderr } from '../lab/progress.ts'
import { startCaddy } from './caddy-harness.ts'
import { askTcp, isOpen, startLongTransfer, whoServes } from './clients.ts'
import { startEdge } from './edge-harness.ts'
import type { Endpoint, HarnessKind } from './harness.ts'
import { local } from './net.ts'
import { failsWith, frontend, leftOver, PROD, pass, planFor, tableOf } from './tables.ts'
import { inWorld, type World } from './world.ts'

const OTHER = 'ffffffff-0000-4000-8000-000000000000'
/** The cluster that was built anew under the same name. */
const REBUILT = { ...PROD, uid: '11111111-2222-4333-8444-555555555555' }

interface Kind extends HarnessKind {
  /** Whether a write that changes no socket costs no connection, not even one that is being made. Caddy binds anew at each: see caddy-drops.test.ts. */
  readonly seamless: boolean
}

const { caddy } = await buildCaddy(toStderr, AbortSignal.timeout(1_800_000))
const KINDS: readonly Kind[] = [
  { name: 'edge', seamless: true, start: () => startEdge({ address: local(1) }) },
  { name: 'caddy', seamless: false, start: () => startCaddy({ program: caddy }) },
]

for (const kind of KINDS) {
  test(`a rebuilt cluster adopts what the one before it left: ${kind.name}`, () =>
    inWorld(kind, (world) => adoptAll(world, kind.seamless)))
}

async function adoptAll(world: World, seamless: boolean): Promise<void> {
  const { harness, signal, targetPort, groups } = world
  const [web, mail, empty] = [
    frontend({ port: await world.port(), targetPort }),
    frontend({ port: await world.port(), targetPort, group: 'a', sourceRanges: ['127.0.0.0/8'] }),
    frontend({ port: await world.port(), targetPort, group: 'none' }),
  ]
  const shared = { port: await world.port(), targetPort }
  const named = [frontend({ ...shared, hosts: ['a.example'] }), frontend({ ...shared, group: 'b' })]
  const table = tableOf(groups, web, mail, empty, ...named)
  const foreign = { address: local(6), port: await world.port() }
  await harness.addForeign(foreign, { address: local(12), port: targetPort })
  const old = harness.driver()
  assert.deepEqual(await pass(old, table, signal), { refused: [], wrote: true })
  // What another class of the old cluster has there is not asked for.
  const beside = harness.driver({ owner: { ...PROD, className: 'internal' } })
  await pass(beside, tableOf(groups, frontend({ port: await world.port(), targetPort })), signal)
  const untouched = await harness.foreignText()

  const rebuilt = harness.driver({ owner: REBUILT })
  const { problem } = await failsWith('OwnerConflict', () => rebuilt.read(signal))
  assert.match(problem.remedy, new RegExp(`"fairway adopt --class public --proxy edge-1 --from ${PROD.uid}"$`))
  const adopt = (from: string | undefined) => adoptOn('edge-1', rebuilt, REBUILT, from, signal)
  const [held, ...more] = (await adopt(undefined)).holdings
  assert.deepEqual([held?.uid, held?.frontends, more], [PROD.uid, table.frontends.length, []])

  // Only by the UID that is there.
  const writes = await harness.writes()
  const refused = await adopt(OTHER)
  assert.equal(refused.problem?.code, 'OwnerConflict')
  assert.match(refused.problem.message, new RegExp(`held by the cluster with UID ${PROD.uid}, not by ${OTHER}`))
  assert.equal(await harness.writes(), writes)

  const late = await planFor(old, tableOf(groups), signal)
  const transfer = await startLongTransfer(web, signal)
  const clients = startClients(mail)
  const adopted = await adopt(PROD.uid)
  assert.deepEqual([adopted.adopted, adopted.problem], [table.frontends.length, undefined])
  assert.equal(await harness.writes(), writes + 1)
  const { asked, failures } = await clients.end()
  assert.ok(asked > 0)
  if (seamless) assert.deepEqual(failures, [])

  // Ours, without anything to do, and nobody else's.
  assert.deepEqual(await leftOver(rebuilt, table, signal), [])
  assert.deepEqual((await rebuilt.read(signal)).drifted, new Set())
  assert.deepEqual((await rebuilt.read(signal)).siblings, [])
  assert.deepEqual(await adopt(PROD.uid), { ...adopted, adopted: 0 })
  assert.equal(await harness.foreignText(), untouched)
  assert.equal((await beside.read(signal)).table.frontends.length, 1)

  // The old operator, wherever it still runs, changes nothing any more, by what it knew or by what it reads.
  await assert.rejects(old.apply(late, signal), FairwayError)
  await failsWith('OwnerConflict', () => old.read(signal))
  assert.deepEqual(await whoServes(web), ['a', 'b'])
  assert.deepEqual(await whoServes(mail), ['a'])
  assert.ok((await transfer.finish()) > 0)

  // The new one does, with what it has found.
  assert.deepEqual(await pass(rebuilt, tableOf(groups, { ...web, group: 'b' }), signal), { refused: [], wrote: true })
  assert.deepEqual(await whoServes(web), ['b'])
  assert.equal(await isOpen(mail), false)
}

/** Connects one time after the other until it is ended. */
function startClients(endpoint: Endpoint) {
  const failures: string[] = []
  let asked = 0
  const over = new AbortController()
  const asking = (async () => {
    for (; !over.signal.aborted || asked === 0; asked++) {
      await askTcp(endpoint).catch((error: unknown) => failures.push(String(error)))
    }
  })()
  return {
    end: async () => {
      over.abort()
      await asking
      return { asked, failures }
    },
  }
}
