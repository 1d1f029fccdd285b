// Who needs no look: Services that bear all that they are to be told.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import type { ServiceObject } from '../../../src/kube/objects.ts'
import type { Problem } from '../../../src/model/problems.ts'
import { frontendKey } from '../../../src/model/table.ts'
import { createMemory } from '../../../src/operator/memory.ts'
import { runPass } from '../../../src/operator/pass.ts'
import { node, runs, service } from '../../support/builders.ts'
import { createWorld, silentLog, type World } from '../../support/operator-world.ts'

const NAMES = ['a', 'b', 'c', 'd']
const NODES = [node('n1', ['InternalIP 10.0.0.1'])]
const AWAY: Problem = { code: 'ProxyUnreachable', kind: 'transient', message: 'away', remedy: 'Start it' }
const TAKEN: Problem = { code: 'PortTaken', kind: 'transient', message: 'taken', remedy: 'Free it' }

function createFilled(): World {
  const world = createWorld()
  for (const [index, name] of NAMES.entries()) world.put(service(name, { ports: [`${1_000 + index}/TCP`] }))
  return world
}

/** Passes of one operator; each resolves to the names of the Services that were looked at for a write. */
function createPasses(world: World): () => Promise<readonly string[]> {
  const memory = createMemory()
  // A cache gives the same list until something in it changes.
  const view = { services: () => [...world.services.values()], nodes: () => world.nodes, slicesOf: () => [] }
  return async () => {
    const looked = new Set<string>()
    const { writer } = world
    const write: typeof writer.write = (one, want, signal) => {
      looked.add(one.metadata.name)
      return writer.write(one, want, signal)
    }
    const context = { running: world.running, view, memory, now: () => world.nowMs, log: silentLog }
    await runPass({ ...context, writer: { ...writer, write } }, AbortSignal.timeout(10_000))
    return [...looked].toSorted()
  }
}

/** An operator that runs for a while: all is written, and found to be so. */
async function settle(pass: () => Promise<readonly string[]>): Promise<void> {
  await pass()
  await pass()
  assert.deepEqual(await pass(), [])
}

function edit(world: World, name: string, change: (one: ServiceObject) => ServiceObject): void {
  world.put(change(world.get(`default/${name}`)))
}

function withoutAddress(one: ServiceObject): ServiceObject {
  return { ...one, status: { ...one.status, loadBalancer: { ingress: [] } } }
}

function withoutConditions(one: ServiceObject): ServiceObject {
  return { ...one, status: { ...one.status, conditions: [] } }
}

function withOtherPort(one: ServiceObject): ServiceObject {
  const ports = one.spec.ports.map((port) => ({ ...port, port: port.port + 100 }))
  return { ...one, spec: { ...one.spec, ports } }
}

describe('a Service that bears all that it is to be told', () => {
  test('is looked at again only when it has changed', async () => {
    const world = createFilled()
    const pass = createPasses(world)
    await settle(pass)
    edit(world, 'b', withOtherPort)
    assert.deepEqual(await pass(), ['b'])
  })

  for (const [what, change] of Object.entries({ address: withoutAddress, conditions: withoutConditions }))
    test(`and has lost its ${what}, gets them back`, async () => {
      const world = createFilled()
      const pass = createPasses(world)
      await settle(pass)
      const before = world.get('default/c')
      edit(world, 'c', change)
      await pass()
      assert.deepEqual(world.get('default/c').status, before.status)
    })

  test('is looked at when a proxy refuses what is its own, and not for what is another one’s', async () => {
    const world = createFilled()
    const pass = createPasses(world)
    await settle(pass)
    const [proxy] = world.proxies
    const frontend = proxy?.table.frontends.find(({ port }) => port === 1_003)
    assert.ok(proxy !== undefined && frontend !== undefined)
    proxy.refused = [{ key: frontendKey(frontend), problem: TAKEN }]
    assert.deepEqual(await pass(), ['d'])
    assert.match(JSON.stringify(world.get('default/d').status), /PortTaken/)
    proxy.refused = []
    assert.deepEqual(await pass(), ['d'])
    assert.doesNotMatch(JSON.stringify(world.get('default/d').status), /PortTaken/)
  })

  test('is looked at when no node is left that it could lead to', async () => {
    const world = createFilled()
    const pass = createPasses(world)
    await settle(pass)
    world.nodes = []
    assert.deepEqual(await pass(), NAMES)
    world.nodes = NODES
    assert.deepEqual(await pass(), NAMES)
  })

  test('is looked at when a proxy goes away and when it comes back', async () => {
    const world = createFilled()
    const pass = createPasses(world)
    await settle(pass)
    const [proxy] = world.proxies
    assert.ok(proxy)
    proxy.broken = AWAY
    assert.deepEqual(await pass(), NAMES)
    proxy.broken = undefined
    assert.deepEqual(await pass(), NAMES)
    assert.match(JSON.stringify(world.get('default/a').status), /Served by 1 of 1/)
  })
})

type Step = (world: World) => void

const byName = (change: (one: ServiceObject) => ServiceObject) =>
  fc.constantFrom(...NAMES).map(
    (name): Step =>
      (world) =>
        edit(world, name, change),
  )

const onProxy = (change: (proxy: World['proxies'][number]) => void): fc.Arbitrary<Step> =>
  fc.constant((world) => {
    for (const proxy of world.proxies) change(proxy)
  })

const step: fc.Arbitrary<Step> = fc.oneof(
  byName(withoutAddress),
  byName(withoutConditions),
  byName(withOtherPort),
  byName((one) => ({ ...one })),
  onProxy((proxy) => {
    proxy.broken = proxy.broken === undefined ? AWAY : undefined
  }),
  onProxy((proxy) => {
    const [first] = proxy.table.frontends
    proxy.refused = first === undefined || proxy.refused.length > 0 ? [] : [{ key: frontendKey(first), problem: TAKEN }]
  }),
  onProxy((proxy) => {
    const last = proxy.table.frontends.at(-1)
    proxy.notices = last === undefined || proxy.notices.length > 0 ? [] : [{ key: frontendKey(last), problem: TAKEN }]
  }),
  fc.constant<Step>((world) => {
    world.nodes = world.nodes.length > 0 ? [] : NODES
  }),
  fc.constant<Step>((world) => {
    world.frozen = !world.frozen
  }),
)

test('whatever happens, Services are told what an operator tells them that looks at all of them each time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const [one, other] = [createFilled(), createFilled()]
      for (const change of [() => {}, ...steps]) {
        for (const world of [one, other]) change(world)
        await one.pass()
        // Another configuration: nothing is known of anybody.
        other.running = { ...other.running }
        await other.pass()
        assert.deepEqual([...one.services], [...other.services])
      }
    }),
    runs(200),
  )
})
