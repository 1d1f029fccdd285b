/**
 * Random tables, as nobody should send them, on a real HAProxy: it takes every file that is rendered of them, and what it has loaded is what they say.
 * FAIRWAY_SOAK: 10,000 tables instead of 400, 100 of them loaded instead of 10.
 */
import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { acceptFrontends } from '../../src/edge/engines/common/accept.ts'
import type { BoundFrontend, EngineState } from '../../src/edge/engines/engine.ts'
import { HAPROXY } from '../../src/edge/engines/haproxy/capabilities.ts'
import { drawConfig } from '../../src/edge/engines/haproxy/drawing.ts'
import { checkFiles } from '../../src/edge/engines/haproxy/program.ts'
import { createHaproxyEngine } from '../../src/edge/engines/haproxy.ts'
import { hostPort } from '../../src/model/address.ts'
import type { Target } from '../../src/model/table.ts'
import { type HaproxyUnit, makeHaproxy } from '../edge-lab/haproxy.ts'
import { anyState } from '../unit/edge/haproxy-states.ts'
import { local } from './net.ts'
import { listeningSockets } from './sockets.ts'

const [CHECKED, LOADED] = process.env['FAIRWAY_SOAK'] === undefined ? [400, 10] : [10_000, 100]
/** HAProxy starts once for so many. */
const AT_ONCE = 100
const SEED = 6
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

async function withUnit(work: (unit: HaproxyUnit) => Promise<void>): Promise<void> {
  const unit = await makeHaproxy()
  try {
    await work(unit)
  } finally {
    await unit.close()
  }
}

async function assertValid({ adminFile }: HaproxyUnit, file: string): Promise<void> {
  const { ok, output } = await checkFiles('haproxy', [adminFile, file], AbortSignal.timeout(60_000))
  assert.ok(ok, `${output}${ok ? '' : await readFile(file, 'utf8')}`)
  assert.doesNotMatch(output, /WARNING/)
}

/** What is rendered of a state, with names that another state of the same file does not have. */
function renderAs(index: number, state: EngineState): string {
  const { frontends } = acceptFrontends(state, HAPROXY)
  const { rendered } = drawConfig(frontends, state.groups, new Map(), { masterSocket: '/run/master.sock' })
  return rendered.text.replaceAll(/\bfairway\b/g, `fairway${index}`)
}

test(`HAProxy takes the files of ${CHECKED} tables`, { timeout: 600_000 }, () =>
  withUnit(async (unit) => {
    const golden = join(import.meta.dirname, '../golden/haproxy')
    const goldens = await readdir(golden)
    assert.ok(goldens.length > 3)
    for (const name of goldens) await assertValid(unit, join(golden, name))
    const states = fc.sample(anyState, { numRuns: CHECKED, seed: SEED })
    let frontends = 0
    for (let first = 0; first < states.length; first += AT_ONCE) {
      const text = states
        .slice(first, first + AT_ONCE)
        .map((state, index) => renderAs(index, state))
        .join('\n')
      frontends += text.match(/^frontend (?!fairway\d+\.idle)/gm)?.length ?? 0
      const file = join(unit.dir, `${first}.cfg`)
      await writeFile(file, text)
      await assertValid(unit, file)
    }
    // Not one by one refused before HAProxy could see them.
    assert.ok(frontends > CHECKED / 4, `${frontends} frontends`)
  }),
)

/** On addresses that can be bound here, each socket once but for hosts, and each target once, as the edge promises. */
function bindable({ frontends, groups }: EngineState): EngineState {
  const addresses = new Map([
    ['203.0.113.10', local(21)],
    ['2001:db8::10', local(22)],
  ])
  const taken = new Set<string>()
  const kept = frontends.flatMap((one): readonly BoundFrontend[] => {
    const { address, port, hosts } = one.frontend
    const bindAddress = addresses.get(address) ?? address
    const names = (hosts.length === 0 ? [''] : hosts).map((host) => `${bindAddress} ${port} ${host}`)
    if (names.some((name) => taken.has(name))) return []
    for (const name of names) taken.add(name)
    return [{ ...one, bindAddress, frontend: { ...one.frontend, port: port + 8_000 } }]
  })
  return {
    frontends: kept,
    groups: new Map([...groups].map(([id, { targets }]) => [id, { id, targets: once(targets) }])),
  }
}

function once(targets: readonly Target[]): readonly Target[] {
  return [...new Map(targets.map((one) => [targetText(one), one])).values()]
}

function targetText({ address, port }: Target): string {
  return `${address} ${port ?? 0}`
}

interface Loaded {
  readonly frontends: readonly string[]
  /** Of servers that are not empty, by backend: `10.0.0.1 8080 weight 1`. */
  readonly servers: ReadonlyMap<string, readonly string[]>
}

/** As HAProxy tells it. */
async function readLoaded({ master, running }: HaproxyUnit): Promise<Loaded> {
  const stat = await master.ask('@1 show stat -1 1 -1', AbortSignal.timeout(5_000))
  const names = [...stat.matchAll(/^(fairway\.[^,]*),FRONTEND,/gm)].map(([, name = '']) => name)
  const { backends } = await running()
  const servers = [...backends].map(([name, all]) => {
    const filled = [...all.values()].filter(({ maintenance }) => !maintenance)
    return [name, filled.map((one) => `${one.address} ${one.port} weight ${one.weight}`).toSorted()] as const
  })
  return { frontends: names.filter((name) => name !== 'fairway.idle').toSorted(), servers: new Map(servers) }
}

/** What each frontend's backend has to have: by the port that the target or the frontend says, unless the frontend sets it for each connection. */
function serversOf({ frontend }: BoundFrontend, { groups }: EngineState, isSet: boolean): readonly string[] {
  const full = frontend.balance === 'source' ? 16 : 1
  const targets = groups.get(frontend.group)?.targets ?? []
  return targets
    .map(({ address, port, draining }) => {
      const weight = draining === undefined ? full : 0
      return `${address} ${isSet ? 0 : (port ?? frontend.targetPort)} weight ${weight}`
    })
    .toSorted()
}

function assertLoaded(loaded: Loaded, state: EngineState, served: readonly BoundFrontend[]): void {
  const sockets = Map.groupBy(served, ({ bindAddress, frontend: { port } }) => hostPort(bindAddress, port))
  const names = [...sockets].map(([socket, all]) => {
    const alone = all.length === 1 && all[0]?.frontend.hosts.length === 0 ? all[0].id : `hosts.${socket}`
    return `fairway.${alone}`
  })
  assert.deepEqual(loaded.frontends, names.toSorted())
  const used = new Set<string>()
  for (const one of served) {
    const { group, proxyProtocol } = one.frontend
    const ported = state.groups.get(group)?.targets.some(({ port }) => port !== undefined) === true
    const isSet = proxyProtocol === 'off' && !ported
    const begin = `fairway.to.${group}.${isSet ? 'any' : one.frontend.targetPort}.`
    const wanted = serversOf(one, state, isSet)
    const fitting = [...loaded.servers].filter(([name, all]) => name.startsWith(begin) && all.join() === wanted.join())
    assert.ok(fitting.length > 0, `${begin}: ${wanted.join()} is not in ${JSON.stringify([...loaded.servers])}`)
    for (const [name] of fitting) used.add(name)
  }
  const others = [...loaded.servers.keys()].filter((name) => name.startsWith('fairway.to.') && !used.has(name))
  assert.deepEqual(others, [])
}

test(`what HAProxy has loaded of ${LOADED} tables is what they say`, { timeout: 600_000 }, () =>
  withUnit(async (unit) => {
    const { adminFile, configFile, masterSocket, stateDir, start, running } = unit
    const options = { configFile, adminFiles: [adminFile], masterSocket, stateDir, minReloadIntervalMs: 0, log }
    const engine = await createHaproxyEngine(options, AbortSignal.timeout(10_000))
    await start()
    const states = fc.sample(anyState, { numRuns: 10 * LOADED, seed: SEED }).map(bindable)
    const worthy = states.filter((state) => acceptFrontends(state, HAPROXY).frontends.length > 0).slice(0, LOADED)
    assert.equal(worthy.length, LOADED)
    for (const state of worthy) {
      const signal = AbortSignal.timeout(10_000)
      const { refused } = await engine.apply(state, signal)
      const ids = new Set(refused.map(({ id }) => id))
      const served = state.frontends.filter(({ id }) => !ids.has(id))
      assert.deepEqual(ids, new Set(acceptFrontends(state, HAPROXY).refused.map(({ id }) => id)))
      assertLoaded(await readLoaded(unit), state, served)
      const sockets = served.map(({ bindAddress, frontend: { port } }) => `tcp ${hostPort(bindAddress, port)}`)
      assert.deepEqual(new Set(await listeningSockets((await running()).worker)), new Set(sockets))
    }
  }),
)
