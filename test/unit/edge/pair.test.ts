import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import type { Engine, EngineState } from '../../../src/edge/engines/engine.ts'
import { createPair } from '../../../src/edge/engines/pair.ts'
import { ALL_ABILITIES } from '../../../src/model/driver.ts'
import { FairwayError, type Problem } from '../../../src/model/problems.ts'
import { compareText, type Target } from '../../../src/model/table.ts'
import { ALL_CAPABILITIES } from '../../support/builders.ts'
import { createMemoryEngine, type MemoryEngine } from '../../support/memory-engine.ts'
import { NODES, on, table } from './builders.ts'
import { createFakeMachine, startWorld, stopWorlds, tell } from './edge-world.ts'

afterEach(stopWorlds)

const DOWN: Problem = { code: 'ProxyUnreachable', kind: 'transient', message: 'it is down', remedy: 'Start it' }
const BLIND: Problem = { ...DOWN, message: 'it tells nothing' }

interface World {
  readonly tcp: MemoryEngine
  readonly udp: MemoryEngine
  readonly pair: Engine
}

function named({ engine }: MemoryEngine, name: string, version: string): Engine {
  return { ...engine, name, version }
}

/** What is for UDP cannot drain. */
function createWorld(): World {
  const tcp = createMemoryEngine({ TCP: ALL_ABILITIES, UDP: undefined })
  const udp = createMemoryEngine({ TCP: undefined, UDP: { ...ALL_ABILITIES, drain: false } })
  const pair = createPair({ TCP: named(tcp, 'haproxy', '2.6.12'), UDP: named(udp, 'nginx', '1.22.1') })
  return { tcp, udp, pair }
}

/** `stateOf('tcp/203.0.113.10:53', …)`: all lead to the same group. */
function stateOf(texts: readonly string[], targets: readonly Target[] = NODES): EngineState {
  const frontends = texts.map((text) => {
    const frontend = on(text)
    const { protocol, address, port } = frontend
    return { id: `p.c.${protocol.toLowerCase()}.${address}.${port}`, frontend, bindAddress: address }
  })
  frontends.sort((a, b) => compareText(a.id, b.id))
  return { frontends, groups: new Map(texts.length === 0 ? [] : [['nodes', { id: 'nodes', targets }]]) }
}

const DNS = ['tcp/203.0.113.10:53', 'udp/203.0.113.10:53']
const MORE = ['tcp/203.0.113.10:53', 'tcp/203.0.113.10:80', 'udp/203.0.113.10:53', 'udp/203.0.113.10:69']
const applied = (pair: Engine, ...texts: readonly string[]) => pair.apply(stateOf(texts), AbortSignal.timeout(5_000))
const idsOf = ({ state }: MemoryEngine) => state.frontends.map(({ id }) => id)

test('it is called as both, and does for each protocol what its program does', () => {
  const { pair } = createWorld()
  assert.equal(`${pair.name} ${pair.version}`, 'haproxy+nginx 2.6.12 + 1.22.1')
  assert.deepEqual(pair.capabilities, { TCP: ALL_ABILITIES, UDP: { ...ALL_ABILITIES, drain: false } })
})

test('a program that does not forward its protocol is a mistake', () => {
  const { tcp, udp } = createWorld()
  const work = () => createPair({ TCP: tcp.engine, UDP: { ...tcp.engine, name: 'haproxy' } })
  assert.throws(work, ({ problem }: FairwayError) => {
    assert.equal(problem.code, 'ConfigInvalid')
    assert.equal(problem.message, 'haproxy cannot be the engine for UDP, which it does not forward')
    return true
  })
  assert.throws(() => createPair({ TCP: udp.engine, UDP: udp.engine }), FairwayError)
})

describe('each program is brought to its part', () => {
  test('the same address and port by protocol, with the groups that are used', async () => {
    const { tcp, udp, pair } = createWorld()
    assert.deepEqual(await applied(pair, ...DNS), { refused: [], how: 'reload' })
    assert.deepEqual([idsOf(tcp), idsOf(udp)], [['p.c.tcp.203.0.113.10.53'], ['p.c.udp.203.0.113.10.53']])
    assert.deepEqual(await applied(pair, ...DNS), { refused: [], how: 'nothing' })
    await applied(pair, 'tcp/203.0.113.10:53')
    assert.deepEqual([...tcp.state.groups.keys(), ...udp.state.groups.keys()], ['nodes'])
  })

  test('what each of them refuses is refused', async () => {
    const { tcp, udp, pair } = createWorld()
    tcp.refuses = new Map([['p.c.tcp.203.0.113.10.53', DOWN]])
    udp.refuses = new Map([['p.c.udp.203.0.113.10.53', BLIND]])
    const { refused, trouble } = await applied(pair, ...DNS)
    assert.deepEqual(
      refused.map(({ id, problem }) => `${id}: ${problem.message}`),
      ['p.c.tcp.203.0.113.10.53: it is down', 'p.c.udp.203.0.113.10.53: it tells nothing'],
    )
    assert.equal(trouble, undefined)
  })

  test('targets drain at the one that can', async () => {
    const { tcp, udp, pair } = createWorld()
    const targets: readonly Target[] = [
      { name: 'n1', address: '10.0.0.1' },
      { name: 'n2', address: '10.0.0.2', draining: 'cordoned' },
      { name: 'n3', address: '10.0.0.3', draining: 'leaving' },
    ]
    await pair.apply(stateOf(DNS, targets), AbortSignal.timeout(5_000))
    assert.deepEqual(tcp.state.groups.get('nodes')?.targets, targets)
    assert.deepEqual(udp.state.groups.get('nodes')?.targets, [
      { name: 'n1', address: '10.0.0.1' },
      { name: 'n2', address: '10.0.0.2' },
    ])
  })
})

describe('a program that is gone', () => {
  test('its frontends are refused, and the others are served and changed as ever', async () => {
    const { tcp, udp, pair } = createWorld()
    await applied(pair, ...DNS)
    tcp.broken = DOWN
    const { refused, how, trouble } = await applied(pair, ...MORE)
    assert.deepEqual(
      refused.map(({ id, problem }) => `${id} ${problem.code}`),
      ['p.c.tcp.203.0.113.10.53 ProxyUnreachable', 'p.c.tcp.203.0.113.10.80 ProxyUnreachable'],
    )
    assert.deepEqual([how, trouble, idsOf(udp).length], ['reload', DOWN, 2])
    tcp.broken = undefined
    assert.deepEqual(await applied(pair, ...MORE), { refused: [], how: 'reload' })
    assert.equal(idsOf(tcp).length, 2)
  })

  test('from the start of the edge on, and without anything to serve', async () => {
    const { udp, pair } = createWorld()
    udp.broken = DOWN
    assert.deepEqual(await applied(pair, 'tcp/203.0.113.10:53'), { refused: [], how: 'reload', trouble: DOWN })
    assert.equal((await applied(pair, ...DNS)).refused.length, 1)
  })

  test('or takes too long', async () => {
    const { tcp, udp, pair } = createWorld()
    await applied(pair, ...DNS)
    tcp.during = (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve()))
    const { trouble } = await pair.apply(stateOf(MORE), AbortSignal.timeout(50))
    assert.equal(trouble?.message, 'haproxy took too long to take the change')
    assert.equal(idsOf(udp).length, 2)
  })

  test('only for a moment, and the change is none of its own', async () => {
    const { tcp, udp, pair } = createWorld()
    await applied(pair, ...DNS)
    let isWell = false
    tcp.chokes = () => {
      const chokes = !isWell
      isWell = true
      return chokes
    }
    const { refused } = await applied(pair, ...DNS, 'udp/203.0.113.10:69')
    assert.deepEqual([refused.map(({ id }) => id), idsOf(udp).length], [['p.c.tcp.203.0.113.10.53'], 2])
  })

  test('both are', async () => {
    const { tcp, udp, pair } = createWorld()
    await applied(pair, ...DNS)
    tcp.broken = DOWN
    udp.broken = BLIND
    await assert.rejects(applied(pair, ...MORE), ({ problem }: FairwayError) => problem === DOWN)
  })
})

test('a change that a program does not take fails as a whole; one without it is made', async () => {
  const { tcp, pair } = createWorld()
  await applied(pair, ...DNS)
  tcp.chokes = ({ frontends }) => frontends.length > 1
  await assert.rejects(applied(pair, ...MORE), ({ problem }: FairwayError) => problem.code === 'ProxyRejected')
  assert.deepEqual(idsOf(tcp), ['p.c.tcp.203.0.113.10.53'])
  assert.deepEqual((await applied(pair, ...DNS, 'udp/203.0.113.10:69')).refused, [])
  // What it was told while it was gone is nobody's change any more.
  tcp.broken = DOWN
  await applied(pair, ...MORE)
  tcp.broken = undefined
  assert.equal((await applied(pair, ...MORE, 'udp/203.0.113.10:123')).refused.length, 2)
})

test('who tells something is heard; what is bound is told by both or not at all', async () => {
  const { tcp, udp, pair } = createWorld()
  const signal = AbortSignal.timeout(5_000)
  const listener = { protocol: undefined, address: '*', firstPort: 80, lastPort: 80, holder: 'stats' }
  const [of, listeners, health] = [tcp, [listener], ['p.c.tcp.203.0.113.10.53', 'p.c.udp.203.0.113.10.53']]
  of.listeners = listeners
  await applied(pair, ...DNS)
  const seen = async () => [...new Set((await pair.health(signal)).map(({ id }) => id))]
  assert.deepEqual([await pair.listeners(signal), await seen()], [listeners, health])
  assert.deepEqual(
    (await pair.bound(signal)).map(({ protocol }) => protocol),
    ['TCP', 'UDP'],
  )
  udp.broken = BLIND
  assert.deepEqual([await pair.listeners(signal), await seen()], [listeners, health.slice(0, 1)])
  await assert.rejects(pair.bound(signal), /it tells nothing/)
  tcp.broken = DOWN
  await assert.rejects(pair.listeners(signal), /it is down/)
})

test('the edge tells owners, keeps on trying, and is not ready until both are', async () => {
  const { tcp, udp, pair } = createWorld()
  const machine = createFakeMachine()
  const memory = { ...createMemoryEngine(ALL_CAPABILITIES), engine: pair }
  const { referee, put } = await startWorld({ memory, machine, retryMs: 1 })
  assert.equal(tell(await put('prod-a/public', table(['udp/203.0.113.10:53', '203.0.113.10:53']))), '1')
  // Its sockets are its own still, whoever looks.
  machine.taken.set('tcp/203.0.113.10:53', 'haproxy')
  tcp.broken = DOWN
  const more = table(['udp/203.0.113.10:53', '203.0.113.10:53', 'udp/203.0.113.10:69'])
  assert.equal(tell(await put('prod-a/public', more)), '2 tcp/203.0.113.10:53 ProxyUnreachable')
  assert.deepEqual([referee.trouble, referee.look('prod-a/public')?.trouble], [DOWN, undefined])
  assert.equal(idsOf(udp).length, 2)
  tcp.broken = undefined
  while (referee.trouble !== undefined) await new Promise((done) => setTimeout(done, 1))
  assert.deepEqual(referee.look('prod-a/public')?.refused, [])
})
