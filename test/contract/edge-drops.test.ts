/**
 * No connection to an untouched frontend is dropped while others change, from the driver through the edge to HAProxy. FAIRWAY_SOAK: 500 changes instead
 * of 50.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Frontend, Table, Target } from '../../src/model/table.ts'
import { isOpen } from './clients.ts'
import { createDice, type Dice } from './dice.ts'
import { startEdge } from './edge-harness.ts'
import { type Load, startLoad } from './load.ts'
import { local } from './net.ts'
import { freePort } from './sockets.ts'
import { frontend, pass, tableOf } from './tables.ts'

const CHANGES = process.env['FAIRWAY_SOAK'] === undefined ? 50 : 500
/** Nobody is ever taken out of `steady`; those of `nodes` come and go, and those who stay serve on. */
const STEADY = ['s1', 's2']
const NODES = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6']
const UNTOUCHED = { steady: 12, nodes: 6, proxied: 2 }

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

test(`no connection is dropped in ${CHANGES} changes`, { timeout: 30 * 60_000 }, async (context) => {
  const signal = AbortSignal.timeout(29 * 60_000)
  const targets = [...STEADY, ...NODES].map((name, index) => ({ name, address: local(21 + index) }))
  const addresses = targets.map(({ address }) => address)
  const targetPort = await freePort(...addresses)
  const untouched = await Promise.all(
    Object.entries(UNTOUCHED).flatMap(([kind, count]) =>
      Array.from({ length: count }, async () => {
        const proxyProtocol = kind === 'proxied' ? ('v2' as const) : ('off' as const)
        return frontend({
          port: await newPort(),
          targetPort,
          proxyProtocol,
          group: kind === 'nodes' ? 'nodes' : 'steady',
        })
      }),
    ),
  )
  const byName = (names: readonly string[]): readonly Target[] => targets.filter(({ name }) => names.includes(name))
  const tableFor = ({ services, nodes }: Estate): Table =>
    tableOf({ steady: byName(STEADY), nodes: byName(nodes) }, ...untouched, ...services)

  const harness = await startEdge({ address: local(1) })
  let load: Load | undefined
  try {
    load = await startLoad({
      targets: targets.map((target) => ({ ...target, port: targetPort })),
      frontends: untouched.map(({ address, port: at, group }) => {
        return { address, port: at, names: group === 'nodes' ? NODES : STEADY }
      }),
      transfers: 200,
      perSecond: 200,
    })
    const driver = harness.driver()
    let estate: Estate = { services: [], nodes: ['n1', 'n2', 'n3'] }
    assert.deepEqual(await pass(driver, tableFor(estate), signal), { refused: [], wrote: true })
    load.begin()
    const began = performance.now()
    const dice = createDice(6)
    for (let change = 0; change < CHANGES; change++) {
      const next = changeOne(dice, estate, frontend({ port: await newPort(), targetPort, group: 'nodes' }))
      estate = next.estate.nodes.length === 0 ? { ...next.estate, nodes: ['n1'] } : next.estate
      assert.deepEqual((await pass(driver, tableFor(estate), signal)).refused, [], `change ${change}`)
      const [changed, opens] = next.opens ?? []
      if (changed !== undefined) assert.equal(await isOpen(changed), opens, `change ${change}`)
    }
    const seconds = (performance.now() - began) / 1_000
    const { reloads, old } = await harness.edge.haproxy.running()
    const report = await load.end()
    const { texts, ...counts } = report
    context.diagnostic(JSON.stringify({ ...counts, seconds: Math.round(seconds), reloads, old }))
    const none = { refused: 0, reset: 0, wrong: 0, late: 0 }
    const { refused, reset, wrong, late } = report
    assert.deepEqual({ refused, reset, wrong, late }, none, texts.join('\n'))
    assert(report.asked > 100 * seconds && report.transfers >= 200 && report.lines > 200, JSON.stringify(counts))
    assert(reloads > CHANGES / 3, `${reloads} reloads`)
  } finally {
    load?.kill()
    await harness.close()
  }
})
