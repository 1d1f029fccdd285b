/**
 * No connection to an untouched frontend is dropped while others change, from the driver through the edge to the proxy program. FAIRWAY_SOAK: 500
 * changes instead of 50.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Frontend, ProxyProtocol, Table, Target } from '../../src/model/table.ts'
import type { PairUnit, ProxyUnit } from '../edge-lab/unit.ts'
import { makeUnit, type ProxyKind } from '../edge-lab/units.ts'
import { freePort } from '../lab/free-port.ts'
import { askUdp, isOpen } from './clients.ts'
import { createDice, type Dice } from './dice.ts'
import { type EdgeSite, startSite } from './edge-harness.ts'
import { type LoadReport, startLoad } from './load.ts'
import { local } from './net.ts'
import { frontend, pass, tableOf } from './tables.ts'

const CHANGES = process.env['FAIRWAY_SOAK'] === undefined ? 50 : 500
/** Nobody is ever taken out of `steady`; those of `nodes` come and go, and those who stay serve on. */
const STEADY = ['s1', 's2']
const NODES = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6']
const UNTOUCHED = { steady: 12, nodes: 6, proxied: 2 }
/** Of UDP, each on the socket number of a steady one. */
const FLOWS = 4

type Site = Pick<EdgeSite<ProxyUnit | PairUnit>, 'driver' | 'edge'>

interface Estate {
  /** Changed at random. */
  services: readonly Frontend[]
  /** Names. */
  nodes: readonly string[]
}

interface Change {
  readonly estate: Estate
  /** Whether this is open afterwards. */
  readonly opens?: readonly [Frontend, boolean]
}

const MOST_SERVICES = 20

/** One thing that happens in a cluster. `fresh` has a port of its own. */
function changeOne(dice: Dice, { services, nodes }: Estate, fresh: Frontend): Change {
  const one = services[dice(services.length)]
  const without = services.filter((other) => other !== one)
  const replaced = (wishes: Partial<Frontend>): Change => {
    const changed = { ...(one ?? fresh), ...wishes }
    const estate = { services: [...without, changed], nodes }
    // Whoever is turned away may be so before the connection shows.
    return changed.sourceRanges.length === 0 ? { estate, opens: [changed, true] } : { estate }
  }
  const kind = dice(7)
  if (one === undefined || (kind === 0 && services.length < MOST_SERVICES))
    return { estate: { services: [...services, fresh], nodes }, opens: [fresh, true] }
  switch (kind) {
    case 0:
    case 1:
      return without.some(({ port }) => port === one.port)
        ? { estate: { services: without, nodes } }
        : { estate: { services: without, nodes }, opens: [one, false] }
    case 2:
      return replaced({ group: one.group === 'nodes' ? 'steady' : 'nodes' })
    case 3:
      return replaced({ sourceRanges: one.sourceRanges.length === 0 ? ['192.0.2.0/24'] : [] })
    case 4: {
      const hosts = [`h${dice(1_000_000)}.example`]
      return { estate: { services: [...services, { ...one, hosts }], nodes } }
    }
    default: {
      const absent = NODES.filter((name) => !nodes.includes(name))
      const joins = absent[dice(absent.length)]
      const stays = nodes.filter((_, index) => index !== dice(nodes.length))
      return { estate: { services, nodes: joins !== undefined && dice(2) === 0 ? [...nodes, joins] : stays } }
    }
  }
}

function newPort(): Promise<number> {
  return freePort(local(5))
}

/** The same socket of UDP, for all who have one of TCP. */
function twinsOf(services: readonly Frontend[]): readonly Frontend[] {
  const byPort = new Map(services.map((one) => [one.port, one]))
  return [...byPort.values()].map((one) => ({ ...one, protocol: 'UDP', proxyProtocol: 'off', hosts: [] }))
}

export interface Tolerance {
  /** Of so many new connections one may fail; without it none may. */
  readonly newOneIn?: number
  /** Whether flows of UDP go on without a loss; what becomes of them is told in any case. */
  readonly flows?: 'kept'
}

/** Defines the test for a program, or two. */
export function dropsTest(kind: ProxyKind, tolerance: Tolerance = {}): void {
  const name = `${kind}: no connection is dropped in ${CHANGES} changes`
  test(name, { timeout: 30 * 60_000 }, async (context) => {
    const signal = AbortSignal.timeout(29 * 60_000)
    const site = await startSite({ address: local(1), proxy: await makeUnit(kind) })
    try {
      const { report, ...rest } = await changeAll(site, signal)
      const counts = JSON.stringify({ ...report, texts: undefined, ...rest })
      context.diagnostic(counts)
      judge(report, tolerance)
      const { seconds, reloads } = rest
      assert(report.asked > 100 * seconds && report.transfers >= 200 && report.lines > 200, counts)
      assert(reloads > CHANGES / 3, `${reloads} reloads`)
    } finally {
      await site.close()
    }
  })
}

function judge(report: LoadReport, { newOneIn = Number.POSITIVE_INFINITY, flows }: Tolerance): void {
  const { asked, refused, reset, late, early, wrong, texts } = report
  const established = refused + reset + late - early
  assert.deepEqual({ established, wrong }, { established: 0, wrong: 0 }, texts.join('\n'))
  assert(early <= Math.ceil(asked / newOneIn), `${early} of ${asked} new connections failed: ${texts.join('\n')}`)
  if (flows === 'kept') assert.deepEqual([report.lost, report.broken], [0, 0])
}

interface Outcome {
  readonly report: LoadReport
  readonly seconds: number
  /** Changes after which the program was another generation. */
  readonly reloads: number
  /** Processes that are there at the end. */
  readonly processes: number
}

/** Changes one thing after the other under load. */
async function changeAll({ driver: open, edge }: Site, signal: AbortSignal): Promise<Outcome> {
  const driver = open()
  const { TCP, UDP } = (await driver.read(signal)).capabilities
  const targets = [...STEADY, ...NODES].map((name, index) => ({ name, address: local(21 + index) }))
  const targetPort = await freePort(...targets.map(({ address }) => address))
  const untouched = await makeUntouched(targetPort, TCP?.proxyProtocol.includes('v2') === true ? 'v2' : 'v1')
  const flows = UDP === undefined ? [] : twinsOf(untouched.filter(({ group }) => group === 'steady').slice(0, FLOWS))
  const byName = (names: readonly string[]): readonly Target[] => targets.filter(({ name }) => names.includes(name))
  const tableFor = ({ services, nodes }: Estate): Table => {
    const groups = { steady: byName(STEADY), nodes: byName(nodes) }
    return tableOf(groups, ...untouched, ...flows, ...services, ...(UDP === undefined ? [] : twinsOf(services)))
  }
  const servedBy = ({ address, port, group }: Frontend) => {
    return { address, port, names: group === 'nodes' ? NODES : STEADY }
  }
  const load = await startLoad({
    targets: targets.map((target) => ({ ...target, port: targetPort })),
    frontends: untouched.map(servedBy),
    transfers: 200,
    perSecond: 200,
    flows: flows.map(servedBy),
  })
  try {
    let estate: Estate = { services: [], nodes: ['n1', 'n2', 'n3'] }
    assert.deepEqual(await pass(driver, tableFor(estate), signal), { refused: [], wrote: true })
    load.begin()
    const began = performance.now()
    const dice = createDice(6)
    let [generation, reloads] = [await edge.proxy.generation(), 0]
    for (let change = 0; change < CHANGES; change++) {
      const next = changeOne(dice, estate, frontend({ port: await newPort(), targetPort, group: 'nodes' }))
      estate = next.estate.nodes.length === 0 ? { ...next.estate, nodes: ['n1'] } : next.estate
      assert.deepEqual((await pass(driver, tableFor(estate), signal)).refused, [], `change ${change}`)
      const [changed, opens] = next.opens ?? []
      if (changed !== undefined) assert.equal(await isOpen(changed), opens, `change ${change}`)
      if (changed !== undefined && opens === true && UDP !== undefined) await askUdp(changed)
      const now = await edge.proxy.generation()
      if (now !== generation) reloads++
      generation = now
    }
    const seconds = Math.round((performance.now() - began) / 1_000)
    const processes = (await edge.proxy.pids()).length
    return { report: await load.end(), seconds, reloads, processes }
  } finally {
    load.kill()
  }
}

/** Some of them with a PROXY header of that version. */
function makeUntouched(targetPort: number, version: ProxyProtocol): Promise<readonly Frontend[]> {
  return Promise.all(
    Object.entries(UNTOUCHED).flatMap(([kind, count]) =>
      Array.from({ length: count }, async () => {
        const proxyProtocol = kind === 'proxied' ? version : ('off' as const)
        const group = kind === 'nodes' ? 'nodes' : 'steady'
        return frontend({ port: await newPort(), targetPort, proxyProtocol, group })
      }),
    ),
  )
}
