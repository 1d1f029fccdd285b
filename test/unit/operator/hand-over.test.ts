// One configuration in place of another, while the operator runs.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { parseConfig } from '../../../src/config/load.ts'
import type { ServiceObject } from '../../../src/kube/objects.ts'
import { frontendKey, makeTable } from '../../../src/model/table.ts'
import type { Caches } from '../../../src/operator/cluster.ts'
import { createEvidence } from '../../../src/operator/evidence.ts'
import { bidFarewell, findDepartures, passOnEvidence } from '../../../src/operator/hand-over.ts'
import type { RunningClass } from '../../../src/operator/interfaces.ts'
import { createOperator } from '../../../src/operator/operator.ts'
import { classSpec, frontend, held, node, PUBLIC, service } from '../../support/builders.ts'
import { createMemoryProxy, type MemoryProxy } from '../../support/memory-driver.ts'
import { createWorld, logInto, proxyOf, silentLog } from '../../support/operator-world.ts'

/** `classOf('public', 'edge-1 10.0.0.1')`: a class with proxies by name and where they are reached. */
function classOf(name: string, ...proxies: readonly string[]): RunningClass {
  return {
    ...createWorld().running,
    spec: classSpec({ name }),
    rules: [{ ...PUBLIC, name }],
    proxies: proxies.map((text) => {
      const [proxy = '', endpoint = ''] = text.split(' ')
      return { ...proxyOf(proxy, createMemoryProxy(), [name]), endpoint }
    }),
    evidence: createEvidence(new Map([[name, proxies.map((text) => text.split(' ')[0] ?? '')]])),
  }
}

test('which proxies are left behind', () => {
  const table: readonly (readonly [string, readonly RunningClass[], readonly RunningClass[], readonly string[]])[] = [
    ['nothing changed', [classOf('a', 'p 1')], [classOf('a', 'p 1')], []],
    ['a proxy went', [classOf('a', 'p 1', 'q 2')], [classOf('a', 'p 1')], ['a q']],
    ['a proxy took the place of another', [classOf('a', 'p 1')], [classOf('a', 'q 2')], ['a p']],
    ['a proxy got another name', [classOf('a', 'p 1')], [classOf('a', 'q 1')], []],
    ['a proxy got another URL', [classOf('a', 'p 1')], [classOf('a', 'p 2')], []],
    [
      'a proxy went from one of its classes',
      [classOf('a', 'p 1', 'q 2'), classOf('b', 'p 1')],
      [classOf('a', 'q 2'), classOf('b', 'p 1')],
      ['a p'],
    ],
    ['a class went, and another reaches its proxy', [classOf('a', 'p 1')], [classOf('b', 'q 1')], []],
    ['a class went with its proxy', [classOf('a', 'p 1'), classOf('b', 'q 2')], [classOf('b', 'q 2')], ['a p']],
  ]
  for (const [what, before, after, expected] of table) {
    const found = findDepartures(before, after, { services: () => [] })
    assert.deepEqual(
      found.map(({ className, proxy }) => `${className} ${proxy.name}`),
      expected,
      what,
    )
  }
})

/** A Service that class `a` serves, and that names a class by now. */
function heldByA(name: string, port: number, className: string): ServiceObject {
  const record = { ...held(`${port}/TCP`, '203.0.113.10'), className: 'a' }
  return service(name, { ports: [String(port)], annotations: { class: className }, record })
}

test('a class that went with its proxy leaves there what Services hold that still name it', () => {
  const services = [heldByA('web', 443, 'a'), heldByA('moved', 80, 'b')]
  const [departure] = findDepartures([classOf('a', 'p 1')], [classOf('b', 'q 2')], { services: () => services })
  assert.deepEqual([...(departure?.keep ?? [])], ['tcp/203.0.113.10:443'])
})

function servingProxy(): MemoryProxy {
  const proxy = createMemoryProxy()
  proxy.table = makeTable([frontend(), frontend({ port: 80 })], [{ id: 'nodes', targets: [] }])
  proxy.drifted = new Set(['tcp/203.0.113.10:80'])
  proxy.siblings = [{ className: 'other', key: 'tcp/203.0.113.10:25' }]
  return proxy
}

const SIGNAL = AbortSignal.timeout(10_000)

test('a farewell takes off all that is the class’s, and nothing else', async () => {
  const proxy = servingProxy()
  await bidFarewell(
    { className: 'a', proxy: proxyOf('p', proxy, ['a']), keep: new Set(), keepAt: new Set() },
    silentLog,
    SIGNAL,
  )
  assert.deepEqual([proxy.table.frontends, proxy.siblings.length], [[], 1])
})

test('a farewell leaves what is to stay, and says so', async () => {
  const [proxy, lines] = [servingProxy(), [] as string[]]
  const keep = new Set(['tcp/203.0.113.10:443'])
  await bidFarewell(
    { className: 'a', proxy: proxyOf('p', proxy, ['a']), keep, keepAt: new Set() },
    logInto(lines),
    SIGNAL,
  )
  assert.deepEqual(proxy.table.frontends.map(frontendKey), [...keep])
  assert.match(lines.join(), /warn: 1 frontends of class a stay on proxy p/)
})

test('a farewell leaves what Services hold by records that cannot be read, and says so', async () => {
  const [proxy, lines] = [servingProxy(), [] as string[]]
  const newer = heldByA('newer', 443, 'a')
  const conditions = newer.status.conditions.map((one) => ({
    ...one,
    message: one.message.replace(' for ports ', ' at '),
  }))
  const services = [{ ...newer, status: { ...newer.status, conditions } }]
  const before = { ...classOf('a', 'p 1'), proxies: [proxyOf('p', proxy, ['a'])] }
  const [departure] = findDepartures([before], [classOf('b', 'q 2')], { services: () => services })
  assert.ok(departure !== undefined)
  assert.deepEqual([...departure.keepAt], ['203.0.113.10'])
  await bidFarewell(departure, logInto(lines), SIGNAL)
  assert.equal(proxy.table.frontends.length, 2)
  assert.match(lines.join(), /warn: 2 frontends of class a stay on proxy p, .* records that this version cannot read/)
})

test('a farewell that cannot be said is logged with what to do, and never rejects', async () => {
  const [proxy, lines] = [servingProxy(), [] as string[]]
  proxy.broken = { code: 'ProxyUnreachable', kind: 'transient', message: 'it is away', remedy: 'Start it' }
  const departure = {
    className: 'a',
    proxy: proxyOf('p', proxy, ['a']),
    keep: new Set<string>(),
    keepAt: new Set<string>(),
  }
  await bidFarewell(departure, logInto(lines), SIGNAL)
  assert.match(lines.at(-1) ?? '', /^error: what class a has on proxy p \(memory p\) could not be removed: it is away/)
  await bidFarewell(departure, logInto(lines), AbortSignal.abort())
  assert.match(lines.at(-1) ?? '', /could not be removed: .* Remove it there by hand/)
})

test('evidence goes on for proxies that stay, and knows the frontends of the old configuration', () => {
  const [before, after] = [classOf('a', 'p 1', 'q 2'), classOf('a', 'p 1')]
  before.evidence.add(['tcp/203.0.113.10:1'])
  passOnEvidence([before], [after], new Set(['tcp/203.0.113.10:6443']))
  assert.deepEqual([...after.evidence.of('a', 'p')], ['tcp/203.0.113.10:6443', 'tcp/203.0.113.10:1'])
  assert.deepEqual([...after.evidence.of('a', 'q')], [])
})

const FRONTENDS = `
    frontends:
${Array.from({ length: 20 }, (_, i) => `      - {name: f${i}, address: 203.0.113.10, port: ${1_000 + i}, targets: [10.0.0.9]}`).join('\n')}`

function configOf(proxies: readonly string[], more = ''): string {
  return `cluster: prod-a
classes:
  - name: public
    default: true
    pools: [{name: main, addresses: [203.0.113.10]}]${more}
    proxies:
${proxies.map((name) => `      - {name: ${name}, caddy: {url: "https://${name}.example:2021"}}`).join('\n')}
`
}

/** An operator over one Service, and the machines that its drivers reach, by name of the proxy. */
function operate(t: TestContext) {
  const world = createWorld()
  world.put(service('web'))
  const machines = new Map<string, MemoryProxy>()
  const caches: Caches = {
    services: () => [...world.services.values()],
    serviceStore: { list: () => [], get: () => undefined, synced: true, onChange: () => {} } as never,
    nodes: () => [node('n1', ['InternalIP 10.0.0.1'])],
    slicesOf: () => [],
    synced: () => true,
    troubles: () => ({}),
    onChange: () => {},
    ended: Promise.resolve(),
  }
  const operator = createOperator({
    caches,
    writer: world.writer,
    clusterUid: 'uid',
    makeDriver: ({ proxy }) => {
      const machine = machines.get(proxy.name) ?? createMemoryProxy()
      machines.set(proxy.name, machine)
      return machine.driver
    },
    log: logInto(world.logged),
  })
  // A test that fails must end all the same.
  t.after(() => operator.stop('now'))
  const keys = (name: string) => machines.get(name)?.table.frontends.map(frontendKey) ?? []
  return {
    operator,
    machines,
    keys,
    configure: (text: string) => operator.configure(parseConfig(text, 'fairway.yaml')),
  }
}

async function until(what: () => boolean): Promise<void> {
  for (let tries = 0; !what(); tries++) {
    if (tries > 500) assert.fail(`not within five seconds: ${what.toString()}`)
    await delay(10)
  }
}

test('a proxy that is taken out of the configuration is cleared, and the others serve on', async (t) => {
  const { operator, machines, keys, configure } = operate(t)
  await configure(configOf(['edge-1', 'edge-2']))
  await until(() => keys('edge-1').length === 1 && keys('edge-2').length === 1)
  await configure(configOf(['edge-1']))
  await operator.stop()
  assert.deepEqual([keys('edge-1').length, keys('edge-2').length], [1, 0])
  assert.equal(machines.get('edge-2')?.closed, true)
})

test('frontends that are taken out of the configuration go, however many they are', async (t) => {
  const { operator, keys, configure } = operate(t)
  await configure(configOf(['edge-1'], FRONTENDS))
  await until(() => keys('edge-1').length === 21)
  await configure(configOf(['edge-1']))
  await until(() => keys('edge-1').length === 1)
  await operator.stop()
})
