/** What a real Caddy cannot be made to do on time, on a stand-in for its admin API; and the engine's small parts. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createAdminClient } from '../../../src/caddy/client.ts'
import { findMigrateProblem } from '../../../src/caddy/tcp-migrate-req.ts'
import { caddySchema } from '../../../src/config/edge-engine-caddy.ts'
import { applyState, type Tools } from '../../../src/edge/engines/caddy/apply.ts'
import { healthOf, readVerdicts } from '../../../src/edge/engines/caddy/health.ts'
import { openDurableFile } from '../../../src/edge/engines/common/durable-file.ts'
import { FairwayError } from '../../../src/model/problems.ts'
import { createRests } from '../../../src/model/rests.ts'
import { type FakeAdmin, reject, startFakeAdmin } from '../drivers/fake-admin.ts'
import { TCP_CHECK } from './caddy-states.ts'
import { bound, NODES, stateOf } from './haproxy-states.ts'

const signal = AbortSignal.timeout(30_000)
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

interface Rig {
  readonly fake: FakeAdmin
  readonly tools: Tools
}

async function createRig(context: TestContext, changes: Partial<Tools> = {}): Promise<Rig> {
  const fake = await startFakeAdmin()
  const endpoint = { proxy: 'caddy', url: fake.url }
  const client = createAdminClient({ ...endpoint, tls: {}, timeoutMs: 2_000 })
  const dir = await mkdtemp(join(tmpdir(), 'fairway-caddy-'))
  const saved = await openDurableFile(join(dir, 'saved.json'))
  context.after(async () => {
    await client.close()
    await fake.close()
    await rm(dir, { recursive: true })
  })
  const failedStarts = createRests(60_000)
  const waits = { reloadPace: async () => {}, testBind: async () => undefined }
  return { fake, tools: { client, endpoint, saved, failedStarts, ...waits, log, ...changes } }
}

function serversOf({ apps }: FakeAdmin): readonly string[] {
  const { servers } = Object(apps?.['layer4']) as { readonly servers?: object }
  return Object.keys(servers ?? {})
}

/** Lets reads through, and gives the next writes to these in turn; those after them are served. */
function interceptWrites(
  fake: FakeAdmin,
  ...steps: readonly ((request: IncomingMessage, response: ServerResponse) => unknown)[]
): { readonly count: () => number } {
  let seen = 0
  fake.intercept = (request, response, serve) => {
    if (request.method === 'GET') return serve()
    const step = steps[seen++]
    return step === undefined ? serve() : step(request, response)
  }
  return { count: () => seen }
}

const [web, mail, ssh] = [bound({ port: 443 }), bound({ port: 25 }), bound({ port: 22, address: '203.0.113.11' })]
const KEYS = ['203.0.113.10.443', '203.0.113.10.25', '203.0.113.11.22'].map(
  (socket) => `fairway.edge.local.tcp.${socket}`,
)

test('a write that somebody overtakes is made again from what is there then', async (context) => {
  const { fake, tools } = await createRig(context)
  const writes = interceptWrites(fake, (_, response) => {
    fake.apps = { layer4: { servers: { mine: { listen: [':8080'], routes: [] } } } }
    reject(response, 412, 'If-Match header did not match current config hash')
  })
  assert.equal((await applyState(tools, stateOf([web]), signal)).how, 'reload')
  assert.deepEqual([writes.count(), serversOf(fake)], [2, ['mine', KEYS[0]]])
})

test('a write whose answer is lost is looked for, not repeated', async (context) => {
  const { fake, tools } = await createRig(context)
  const writes = interceptWrites(fake, async (request, response) => {
    await fake.store(request)
    response.destroy()
  })
  assert.equal((await applyState(tools, stateOf([web]), signal)).how, 'reload')
  assert.equal(writes.count(), 1)
})

test('a Caddy that takes writes and does not show them is not believed', async (context) => {
  const { fake, tools } = await createRig(context)
  fake.intercept = (request, response, serve) => (request.method === 'GET' ? serve() : response.end())
  await assert.rejects(applyState(tools, stateOf([web]), signal), /WriteNotConfirmed|does not show it/)
})

const bindFails = (socket: string, reason: string) => (_: IncomingMessage, response: ServerResponse) =>
  reject(response, 500, `loading new config: layer4 app module: start: listen tcp4 ${socket}: bind: ${reason}`)

test('what Caddy cannot bind is left out by name, as far as the reason goes', async (context) => {
  const cases = [
    ['203.0.113.10:443', 'address already in use', ['203.0.113.10.443 PortTaken']],
    [
      '203.0.113.10:25',
      'cannot assign requested address',
      ['203.0.113.10.443 AddressNotOnProxy', '203.0.113.10.25 AddressNotOnProxy'],
    ],
    ['203.0.113.11:22', 'permission denied', ['203.0.113.11.22 ProxyRejected']],
  ] as const
  for (const [socket, reason, expected] of cases) {
    const { fake, tools } = await createRig(context)
    const writes = interceptWrites(fake, bindFails(socket, reason))
    const { refused, served } = await applyState(tools, stateOf([web, mail, ssh]), signal)
    const found = refused.map(({ id, problem }) => `${id.split('.tcp.')[1]} ${problem.code}`)
    assert.deepEqual([found, served.length], [expected, 3 - expected.length])
    // Nothing is tried again before it has rested.
    assert.equal((await applyState(tools, stateOf([web, mail, ssh]), signal)).how, 'nothing')
    assert.equal(writes.count(), 2)
  }
})

test('nobody searches for a culprit: others’ sockets, and one after another, reject the whole', async (context) => {
  const { fake, tools } = await createRig(context)
  interceptWrites(fake, bindFails('198.51.100.1:80', 'address already in use'))
  await assert.rejects(applyState(tools, stateOf([web]), signal), (error: unknown) => {
    assert.ok(error instanceof FairwayError)
    assert.deepEqual([error.problem.code, /198\.51\.100\.1/.test(error.problem.message)], ['ProxyRejected', true])
    return true
  })
  const many = Array.from({ length: 6 }, (_, index) => bound({ port: 1000 + index }))
  const steps = many.map(({ frontend }) => bindFails(`203.0.113.10:${frontend.port}`, 'address already in use'))
  const writes = interceptWrites(fake, ...steps)
  await assert.rejects(applyState(tools, stateOf(many), signal), /ProxyRejected|rejected/)
  assert.equal(writes.count(), 4)
})

test('a frontend on an address that has left the machine is taken out before it can fail a change', async (context) => {
  const gone = new Set<string>()
  const testBind: Tools['testBind'] = async ({ address }) => (gone.has(address) ? 'EADDRNOTAVAIL' : undefined)
  const { fake, tools } = await createRig(context, { testBind })
  await applyState(tools, stateOf([web, ssh]), signal)
  gone.add('203.0.113.11')
  const { refused } = await applyState(tools, stateOf([web, ssh]), signal)
  assert.deepEqual([refused.map(({ problem }) => problem.code), serversOf(fake)], [['AddressNotOnProxy'], [KEYS[0]]])
  gone.clear()
  assert.deepEqual((await applyState(tools, stateOf([web, ssh]), signal)).refused, [])
})

test('a cluster that calls itself as the edge does is told apart by its UID', async (context) => {
  const { fake, tools } = await createRig(context)
  fake.apps = {
    layer4: { servers: { [KEYS[0] ?? '']: { '@id': `${KEYS[0]}.1234-5678`, listen: [':1'], routes: [] } } },
  }
  await assert.rejects(applyState(tools, stateOf([web]), signal), /belongs to another cluster/)
})

test('health is what Caddy says of the targets of frontends that have a check', () => {
  const metrics = [
    '# TYPE caddy_layer4_proxy_upstream_healthy gauge',
    'caddy_layer4_proxy_upstream_healthy{upstream="10.0.0.11:30443"} 0',
    'caddy_layer4_proxy_upstream_healthy{upstream="[fd00::12]:30443"} 1',
    'caddy_layer4_proxy_upstream_healthyish{upstream="10.0.0.13:30443"} 0',
  ].join('\n')
  const groups = {
    nodes: [NODES[0] ?? assert.fail(), { name: 'node-2', address: 'fd00::12' }, NODES[2] ?? assert.fail()],
    leaving: [{ name: 'node-1', address: '10.0.0.11', draining: 'leaving' as const }, NODES[2] ?? assert.fail()],
  }
  const all = [
    bound({ port: 1, group: 'nodes', healthCheck: TCP_CHECK }),
    bound({ port: 2, group: 'nodes' }),
    bound({ port: 3, group: 'leaving', healthCheck: TCP_CHECK }),
  ]
  const state = stateOf(all, groups)
  const found = healthOf(state.frontends, state.groups, readVerdicts(metrics))
  assert.deepEqual(
    all.map(({ id }) => found.filter((one) => one.id === id).map(({ state: word }) => word)),
    [
      ['down', 'up', 'unchecked'],
      ['unchecked', 'unchecked', 'unchecked'],
      ['draining', 'unchecked'],
    ],
  )
})

test('net.ipv4.tcp_migrate_req is looked at where Linux tells it', async () => {
  const proc = await mkdtemp(join(tmpdir(), 'fairway-proc-'))
  try {
    assert.match((await findMigrateProblem(proc))?.remedy ?? '', /5\.14/)
    await mkdir(join(proc, 'sys/net/ipv4'), { recursive: true })
    const file = join(proc, 'sys/net/ipv4/tcp_migrate_req')
    await writeFile(file, '0\n')
    assert.match((await findMigrateProblem(proc))?.remedy ?? '', /sysctl/)
    await writeFile(file, '1\n')
    assert.equal(await findMigrateProblem(proc), undefined)
  } finally {
    await rm(proc, { recursive: true })
  }
})

/** What edge.yaml's `admin` means, or what is wrong with it. */
function read(admin: string) {
  const result = caddySchema.safeParse({ admin })
  return result.success ? result.data.admin : result.error.issues[0]?.message
}

test('the admin API is on this machine', () => {
  assert.deepEqual(read('unix//run/caddy/admin.sock'), { url: 'http://localhost', socketPath: '/run/caddy/admin.sock' })
  assert.deepEqual(read('localhost:2019'), { url: 'http://localhost:2019' })
  assert.deepEqual(read('127.0.0.1:2019'), { url: 'http://127.0.0.1:2019' })
  assert.deepEqual(read('[::1]:2019'), { url: 'http://[::1]:2019' })
  for (const text of [
    '10.0.0.1:2019',
    ':2019',
    'proxy.example:2019',
    'http://localhost:2019',
    'localhost',
    'localhost:0',
    'unix/run',
    'unix//a|0660',
  ]) {
    assert.match(JSON.stringify(read(text)), /is not like unix/, text)
  }
  assert.deepEqual(caddySchema.parse({}), {
    admin: { url: 'http://localhost:2019' },
    binary: '/usr/bin/caddy',
    minReloadInterval: 1_000,
    savedFile: '/var/lib/fairway-caddy/saved.json',
  })
})
