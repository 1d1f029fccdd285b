/**
 * kill -9 of the edge, of the proxy program or of both at random points of an apply: what was acknowledged is served after the restart, what was not is the
 * old table or the new one, never a mixture. FAIRWAY_SOAK: 100 kills instead of 10.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Driver, protocolsOf } from '../../src/model/driver.ts'
import type { Protocol, Table } from '../../src/model/table.ts'
import type { PairUnit, ProxyUnit } from '../edge-lab/unit.ts'
import { makeUnit, type ProxyKind } from '../edge-lab/units.ts'
import { freePort } from '../lab/free-port.ts'
import { type Backend, startTcpBackend, startUdpBackend } from './backends.ts'
import { askTcp, askUdp, isOpen } from './clients.ts'
import { createDice } from './dice.ts'
import { type EdgeSite, startSite } from './edge-harness.ts'
import { local } from './net.ts'
import { contentOf, frontend, pass, planFor, tableOf } from './tables.ts'
import { eventually } from './world.ts'

const KILLS = process.env['FAIRWAY_SOAK'] === undefined ? 10 : 100
const TARGETS = ['a', 'b', 'c']
const FIRST_TAKES_MS = 200
/** Sockets that are always there, for TCP and, where the program forwards it, for UDP; and some that come and go. */
const SOCKETS = { TCP: 6, UDP: 2, other: 4 }

/** A table that can be told from any other by what answers where: at all common sockets the same target, and so many others. */
interface Version {
  readonly target: string
  readonly others: number
}

interface Site {
  readonly edge: EdgeSite<ProxyUnit | PairUnit>['edge']
  readonly driver: Driver
  readonly protocols: readonly Protocol[]
  readonly common: readonly number[]
  readonly others: readonly number[]
  readonly tableAt: (version: Version) => Table
  readonly signal: AbortSignal
}

/** What clients find of a protocol, as text: `a at 6, b at 0, c at 0, others 1100`. A mixture has an answer of its own. */
async function findServed({ common, others }: Site, protocol: Protocol): Promise<string> {
  const ask = protocol === 'TCP' ? askTcp : askUdp
  const names = await Promise.all(
    common.slice(0, SOCKETS[protocol]).map((port) =>
      ask({ address: local(5), port }).then(
        ({ name }) => name,
        () => 'nobody',
      ),
    ),
  )
  const open = await Promise.all(others.map((port) => isOpen({ address: local(5), port })))
  return sayServed(
    TARGETS.map((one) => names.filter((name) => name === one).length),
    protocol === 'TCP' ? open.map((is) => (is ? 1 : 0)) : [],
  )
}

function sayServed(counts: readonly number[], others: readonly number[]): string {
  return `${TARGETS.map((name, index) => `${name} at ${counts[index]}`).join(', ')}, others ${others.join('')}`
}

function describeVersion({ target, others }: Version, protocol: Protocol): string {
  return sayServed(
    TARGETS.map((name) => (name === target ? SOCKETS[protocol] : 0)),
    protocol === 'TCP' ? Array.from({ length: SOCKETS.other }, (_, index) => (index < others ? 1 : 0)) : [],
  )
}

async function withSite(kind: ProxyKind, signal: AbortSignal, work: (site: Site) => Promise<void>): Promise<void> {
  const addresses = TARGETS.map((_, index) => local(11 + index))
  const targetPort = await freePort(...addresses)
  const backends: Backend[] = []
  const { edge, driver: open, close } = await startSite({ address: local(1), proxy: await makeUnit(kind) })
  try {
    for (const [index, name] of TARGETS.entries()) {
      const at = { address: addresses[index] ?? '', port: targetPort }
      backends.push(await startTcpBackend(name, at), await startUdpBackend(name, at))
    }
    const ports = new Set<number>()
    while (ports.size < SOCKETS.TCP + SOCKETS.other) ports.add(await freePort(local(5)))
    const [common, others] = [[...ports].slice(0, SOCKETS.TCP), [...ports].slice(SOCKETS.TCP)]
    const driver = open()
    const protocols = protocolsOf((await driver.read(signal)).capabilities)
    const tableAt = (version: Version) => {
      const address = addresses[TARGETS.indexOf(version.target)] ?? ''
      const tcp = [...common, ...others.slice(0, version.others)].map((port) => ({ port, protocol: 'TCP' as const }))
      const udp = common.slice(0, SOCKETS.UDP).map((port) => ({ port, protocol: 'UDP' as const }))
      const served = [...tcp, ...(protocols.includes('UDP') ? udp : [])]
      const frontends = served.map((one) => frontend({ ...one, targetPort, group: 'nodes' }))
      return tableOf({ nodes: [{ name: version.target, address }] }, ...frontends)
    }
    await work({ edge, driver, protocols, common, others, tableAt, signal })
  } finally {
    await close()
    await Promise.all(backends.map((backend) => backend.close()))
  }
}

const VICTIMS = ['edge', 'proxy', 'both'] as const
type Victim = (typeof VICTIMS)[number]

/** Applies a version and kills in the middle. Resolves with how long it took to be acknowledged all the same, undefined: it was not. */
async function killAmid(site: Site, next: Version, victim: Victim, afterMs: number): Promise<number | undefined> {
  const { edge } = site
  const plan = await planFor(site.driver, site.tableAt(next), site.signal)
  const began = performance.now()
  const applying = site.driver.apply(plan, site.signal).then(
    () => performance.now() - began,
    () => undefined,
  )
  await sleep(afterMs)
  await Promise.all([
    victim === 'proxy' ? undefined : edge.end('SIGKILL'),
    victim === 'edge' ? undefined : edge.proxy.kill(),
  ])
  // Its unit starts it again at once, in the middle of what the edge is about.
  if (victim === 'proxy') await edge.proxy.start()
  return applying
}

/** Starts again what else was killed, and looks what is served. Gives the version that it is. */
async function recover(site: Site, victim: Victim, allowed: readonly Version[]): Promise<Version> {
  const { driver, signal, tableAt, edge, protocols } = site
  if (victim === 'both') {
    await edge.proxy.start()
    await checkAlone(site, allowed)
  }
  if (victim !== 'proxy') await edge.start()
  const isStored = async (version: Version) => {
    const { table } = await driver.read(signal)
    return JSON.stringify(contentOf(table)) === JSON.stringify(contentOf(tableAt(version)))
  }
  const stored = await Promise.all(allowed.map(isStored))
  const version = allowed[stored.indexOf(true)]
  assert(version !== undefined, 'the edge has neither the old table nor the new one')
  for (const protocol of protocols) {
    const wanted = describeVersion(version, protocol)
    // An edge that lives on finds out by itself what the program has started with.
    const isServed = async () => (await findServed(site, protocol)) === wanted
    if (victim === 'proxy') await eventually(`${protocol} of its table is served`, isServed, signal)
    else assert.equal(await findServed(site, protocol), wanted)
  }
  const isWell = async () => {
    const { trouble, refused } = await driver.read(signal)
    return trouble === undefined && refused.length === 0
  }
  if (victim === 'proxy') await eventually('all is well', isWell, signal)
  else assert(await isWell())
  return version
}

/** With no edge to tell it, a program serves what it has kept. Two programs keep their parts each for itself. */
async function checkAlone(site: Site, allowed: readonly Version[]): Promise<void> {
  const { edge, protocols } = site
  const alone = await Promise.all(protocols.map(async (one) => ({ one, text: await findServed(site, one) })))
  const isOf = (version: Version) => (found: (typeof alone)[number]) =>
    describeVersion(version, found.one) === found.text
  const isFound =
    'engines' in edge.proxy
      ? alone.every((found) => allowed.some((version) => isOf(version)(found)))
      : allowed.some((version) => alone.every(isOf(version)))
  const all = alone.map(({ one, text }) => `${one} ${text}`).join('; ')
  assert(isFound, `without the edge there is ${all}`)
}

/** Defines the test for a program, or two. */
export function killsTest(kind: ProxyKind): void {
  test(`${kind}: ${KILLS} kills at random points of an apply`, { timeout: 30 * 60_000 }, async (context) => {
    context.diagnostic(JSON.stringify(await killOften(kind)))
  })
}

async function killOften(kind: ProxyKind) {
  const signal = AbortSignal.timeout(29 * 60_000)
  const dice = createDice(7)
  const counts = { acknowledged: 0, old: 0, new: 0 }
  await withSite(kind, signal, async (site) => {
    let now: Version = { target: 'a', others: 1 }
    await pass(site.driver, site.tableAt(now), signal)
    // How long an apply takes, by what came of those before: each that was through is one that was killed too late.
    let takesMs = FIRST_TAKES_MS
    for (let kill = 0; kill < KILLS; kill++) {
      const victim = VICTIMS[kill % VICTIMS.length] ?? 'both'
      const target = TARGETS[(TARGETS.indexOf(now.target) + 1 + dice(2)) % TARGETS.length] ?? 'a'
      // Without another socket to open there is no reload.
      const next = { target, others: dice(2) === 0 ? now.others : dice(SOCKETS.other + 1) }
      const afterMs = (dice(1_000) / 1_000) * takesMs
      const tookMs = await killAmid(site, next, victim, afterMs)
      const isDone = tookMs !== undefined
      takesMs = isDone ? (takesMs + tookMs) / 2 : takesMs * 1.1
      const what = `kill ${kill} of ${victim} after ${Math.round(afterMs)} ms: ${describeVersion(now, 'TCP')} → ${describeVersion(next, 'TCP')}`
      const found = await recover(site, victim, isDone ? [next] : [now, next]).catch((error: unknown) => {
        throw new Error(`${what}, acknowledged: ${isDone}: ${String(error)}`, { cause: error })
      })
      counts[isDone ? 'acknowledged' : found === next ? 'new' : 'old']++
      now = found
    }
  })
  return counts
}
