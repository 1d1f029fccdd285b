/**
 * kill -9 of the edge, of HAProxy or of both at random points of an apply: what was acknowledged is served after the restart, what was not is the old table
 * or the new one, never a mixture. FAIRWAY_SOAK: 100 kills instead of 10.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Driver } from '../../src/model/driver.ts'
import type { Table } from '../../src/model/table.ts'
import { type Backend, startTcpBackend } from './backends.ts'
import { askTcp, isOpen } from './clients.ts'
import { createDice } from './dice.ts'
import { type EdgeHarness, startEdge } from './edge-harness.ts'
import { local } from './net.ts'
import { freePort } from './sockets.ts'
import { contentOf, frontend, pass, planFor, tableOf } from './tables.ts'
import { eventually } from './world.ts'

const KILLS = process.env['FAIRWAY_SOAK'] === undefined ? 10 : 100
const TARGETS = ['a', 'b', 'c']
const FIRST_TAKES_MS = 200
/** Sockets that are always there, and some that come and go. */
const SOCKETS = { common: 6, other: 4 }

/** A table that can be told from any other by what answers where: at all common sockets the same target, and so many others. */
interface Version {
  readonly target: string
  readonly others: number
}

interface Site {
  readonly harness: EdgeHarness
  readonly driver: Driver
  readonly common: readonly number[]
  readonly others: readonly number[]
  readonly tableAt: (version: Version) => Table
  readonly signal: AbortSignal
}

/** What clients find, as text: `a at 6, b at 0, c at 0, others 2`. A mixture has an answer of its own. */
async function findServed({ common, others }: Site): Promise<string> {
  const names = await Promise.all(
    common.map((port) =>
      askTcp({ address: local(5), port }).then(
        ({ name }) => name,
        () => 'nobody',
      ),
    ),
  )
  const open = await Promise.all(others.map((port) => isOpen({ address: local(5), port })))
  return sayServed(
    TARGETS.map((one) => names.filter((name) => name === one).length),
    open.map((is) => (is ? 1 : 0)),
  )
}

function sayServed(counts: readonly number[], others: readonly number[]): string {
  return `${TARGETS.map((name, index) => `${name} at ${counts[index]}`).join(', ')}, others ${others.join('')}`
}

function describeVersion({ target, others }: Version): string {
  return sayServed(
    TARGETS.map((name) => (name === target ? SOCKETS.common : 0)),
    Array.from({ length: SOCKETS.other }, (_, index) => (index < others ? 1 : 0)),
  )
}

async function withSite(signal: AbortSignal, work: (site: Site) => Promise<void>): Promise<void> {
  const addresses = TARGETS.map((_, index) => local(11 + index))
  const targetPort = await freePort(...addresses)
  const backends: Backend[] = []
  const harness = await startEdge({ address: local(1) })
  try {
    for (const [index, name] of TARGETS.entries())
      backends.push(await startTcpBackend(name, { address: addresses[index] ?? '', port: targetPort }))
    const ports = new Set<number>()
    while (ports.size < SOCKETS.common + SOCKETS.other) ports.add(await freePort(local(5)))
    const [common, others] = [[...ports].slice(0, SOCKETS.common), [...ports].slice(SOCKETS.common)]
    const tableAt = (version: Version) => {
      const address = addresses[TARGETS.indexOf(version.target)] ?? ''
      const served = [...common, ...others.slice(0, version.others)].map((port) =>
        frontend({ port, targetPort, group: 'nodes' }),
      )
      return tableOf({ nodes: [{ name: version.target, address }] }, ...served)
    }
    await work({ harness, driver: harness.driver(), common, others, tableAt, signal })
  } finally {
    await harness.close()
    await Promise.all(backends.map((backend) => backend.close()))
  }
}

type Victim = 'edge' | 'haproxy' | 'both'

/** Applies a version and kills in the middle. Resolves with how long it took to be acknowledged all the same, undefined: it was not. */
async function killAmid(site: Site, next: Version, victim: Victim, afterMs: number): Promise<number | undefined> {
  const { edge } = site.harness
  const plan = await planFor(site.driver, site.tableAt(next), site.signal)
  const began = performance.now()
  const applying = site.driver.apply(plan, site.signal).then(
    () => performance.now() - began,
    () => undefined,
  )
  await sleep(afterMs)
  await Promise.all([
    victim === 'haproxy' ? undefined : edge.end('SIGKILL'),
    victim === 'edge' ? undefined : edge.haproxy.kill(),
  ])
  // Its unit starts it again at once, in the middle of what the edge is about.
  if (victim === 'haproxy') await edge.haproxy.start()
  return applying
}

/** Starts again what else was killed, and looks what is served. Gives the version that it is. */
async function recover(site: Site, victim: Victim, allowed: readonly Version[]): Promise<Version> {
  const { driver, signal, tableAt, harness } = site
  if (victim === 'both') {
    // With no edge to tell it, HAProxy serves what is in its file.
    await harness.edge.haproxy.start()
    const alone = await findServed(site)
    assert(allowed.map(describeVersion).includes(alone), `HAProxy alone serves ${alone}`)
  }
  if (victim !== 'haproxy') await harness.edge.start()
  const isStored = async (version: Version) => {
    const { table } = await driver.read(signal)
    return JSON.stringify(contentOf(table)) === JSON.stringify(contentOf(tableAt(version)))
  }
  const stored = await Promise.all(allowed.map(isStored))
  const version = allowed[stored.indexOf(true)]
  assert(version !== undefined, 'the edge has neither the old table nor the new one')
  // An edge that lives on finds out by itself what HAProxy has started with.
  const isServed = async () => (await findServed(site)) === describeVersion(version)
  if (victim === 'haproxy') await eventually('its table is served', isServed, signal)
  assert.equal(await findServed(site), describeVersion(version))
  assert.equal((await driver.read(signal)).trouble, undefined)
  return version
}

test(`${KILLS} kills at random points of an apply`, { timeout: 30 * 60_000 }, async (context) => {
  const signal = AbortSignal.timeout(29 * 60_000)
  const dice = createDice(7)
  const counts = { acknowledged: 0, old: 0, new: 0 }
  await withSite(signal, async (site) => {
    let now: Version = { target: 'a', others: 1 }
    await pass(site.driver, site.tableAt(now), signal)
    // How long an apply takes, by what came of those before: each that was through is one that was killed too late.
    let takesMs = FIRST_TAKES_MS
    for (let kill = 0; kill < KILLS; kill++) {
      const victim = (['edge', 'haproxy', 'both'] as const)[kill % 3] ?? 'both'
      const target = TARGETS[(TARGETS.indexOf(now.target) + 1 + dice(2)) % TARGETS.length] ?? 'a'
      // Without another socket to open there is no reload.
      const next = { target, others: dice(2) === 0 ? now.others : dice(SOCKETS.other + 1) }
      const afterMs = (dice(1_000) / 1_000) * takesMs
      const tookMs = await killAmid(site, next, victim, afterMs)
      const isDone = tookMs !== undefined
      takesMs = isDone ? (takesMs + tookMs) / 2 : takesMs * 1.1
      const what = `kill ${kill} of ${victim} after ${Math.round(afterMs)} ms: ${describeVersion(now)} → ${describeVersion(next)}`
      const found = await recover(site, victim, isDone ? [next] : [now, next]).catch((error: unknown) => {
        throw new Error(`${what}, acknowledged: ${isDone}: ${String(error)}`, { cause: error })
      })
      counts[isDone ? 'acknowledged' : found === next ? 'new' : 'old']++
      now = found
    }
  })
  context.diagnostic(JSON.stringify(counts))
})
