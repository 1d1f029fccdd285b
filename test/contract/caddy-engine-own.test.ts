/** What only Caddy does, of all engines. */
import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createCaddyDriver } from '../../src/drivers/caddy.ts'
import { acceptForCaddy, drawServers } from '../../src/edge/engines/caddy/drawing.ts'
import { createCaddyEngine } from '../../src/edge/engines/caddy.ts'
import { runProgram } from '../../src/edge/engines/common/run-program.ts'
import type { EngineApplied } from '../../src/edge/engines/engine.ts'
import { thisMachine } from '../../src/edge/obstacles.ts'
import { createServing } from '../../src/edge/serve.ts'
import { hostPort } from '../../src/model/address.ts'
import { FairwayError } from '../../src/model/problems.ts'
import { makeTable } from '../../src/model/table.ts'
import { makeCaddy } from '../edge-lab/caddy.ts'
import { buildCaddy } from '../lab/build.ts'
import { toStderr } from '../lab/progress.ts'
import { anyCaddyState } from '../unit/edge/caddy-states.ts'
import { startUdpBackend } from './backends.ts'
import { adminApps, caddyTest, log } from './caddy-engine-harness.ts'
import { askTcp, askUdp, isOpen, whoServes } from './clients.ts'
import { whoIs } from './engine-suite-settings.ts'
import { bind, idOf, stateOf } from './engine-suite-world.ts'
import { listeningSockets } from './sockets.ts'
import { pass } from './tables.ts'

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: unknown) => (error instanceof FairwayError ? error.problem.code : String(error)),
  )
}

/** Codes by address and port. */
function refusals({ refused }: EngineApplied): readonly string[] {
  return refused.map(({ id, problem }) => `${id.split('.tcp.')[1]} ${problem.code}`)
}

caddyTest('a Caddy that comes back without our servers gets them again', async (world, { unit }) => {
  const { engine, groups, signal, admin } = world
  const [web, other] = [await world.frontend(), await world.frontend({ group: 'c' })]
  await engine.apply(stateOf(groups, web), signal)
  await unit.kill()
  assert.equal(await codeOf(engine.apply(stateOf(groups, web, other), signal)), 'ProxyUnreachable')
  assert.deepEqual(await engine.bound(signal), [])
  await unit.start()
  // As it was left; what it was not told comes with the next pass.
  assert.deepEqual([await whoServes(web), await isOpen(other)], [['a', 'b'], false])
  assert.equal((await engine.apply(stateOf(groups, web, other), signal)).how, 'reload')
  assert.equal(await whoIs(other), 'c')
  await unit.kill()
  await rm(unit.autosave)
  await unit.start()
  assert.equal(await isOpen(web), false)
  assert.equal((await engine.apply(stateOf(groups, web, other), signal)).how, 'reload')
  assert.deepEqual([await whoServes(web), await whoIs(other)], [['a', 'b'], 'c'])
  assert.equal((await askTcp(admin)).name, 'admin')
})

caddyTest('what the administrator has in Caddy stays byte for byte', async (world, { unit }) => {
  const { engine, groups, signal, admin } = world
  const port = (await world.frontend()).port
  // A key like a number, and a number that no double has.
  const handle = [{ handler: 'proxy', upstreams: [{ dial: ['127.0.0.1:9'] }] }]
  const server = { '@id': 'mine', listen: [hostPort(admin.address, port)], routes: [{ handle }] }
  await unit.admin('PUT', '/config/apps/layer4/servers/12', { ...server, idle_timeout: 12_345_678_901_234_568 })
  await unit.admin('PUT', '/config/apps/http', { servers: { files: { listen: [`unix/${unit.dir}/http.sock`] } } })
  const paths = ['layer4/servers/12', 'layer4/servers/admin', 'http']
  const text = async () => Promise.all(paths.map((path) => unit.adminText('GET', `/config/apps/${path}`)))
  const before = await text()
  await engine.apply(stateOf(groups, await world.frontend()), signal)
  assert.deepEqual(await text(), before)
  await engine.apply(stateOf({}), signal)
  assert.deepEqual(await text(), before)
  assert.deepEqual(
    (await engine.listeners(signal)).map(({ holder }) => holder),
    ['apps.layer4.servers.12', 'apps.layer4.servers.admin'],
  )
})

caddyTest('what was edited by hand is put right', async (world, { unit }) => {
  const { engine, groups, signal } = world
  const web = await world.frontend()
  const state = stateOf(groups, web)
  await engine.apply(state, signal)
  const key = `fairway.edge.local.tcp.${web.address}.${web.port}`
  const servers = '/config/apps/layer4/servers'
  const moved = hostPort(web.address, (await world.frontend()).port)
  const edits = [
    () => unit.admin('PATCH', `${servers}/${key}/listen`, [`tcp4/${moved}`]),
    () => unit.admin('DELETE', `${servers}/${key}/routes/0/handle/0/upstreams/0`),
    () => unit.admin('DELETE', `${servers}/${key}`),
    async () => {
      const server = await unit.admin('GET', `${servers}/${key}`)
      await unit.admin('DELETE', `${servers}/${key}`)
      await unit.admin('PUT', `${servers}/renamed`, server)
    },
  ]
  for (const edit of edits) {
    await edit()
    assert.equal((await engine.apply(state, signal)).how, 'reload')
    assert.deepEqual(await whoServes(web), ['a', 'b'])
    assert.equal((await engine.apply(state, signal)).how, 'nothing')
  }
  assert.deepEqual(
    await listeningSockets(...(await unit.pids())),
    [`tcp ${hostPort(web.address, web.port)}`, `tcp ${hostPort(world.admin.address, world.admin.port)}`].toSorted(),
  )
})

caddyTest('an address that is not there, and a port of the administrator, are never tried', async (world, { unit }) => {
  const { engine, groups, signal } = world
  const [web, late] = [await world.frontend(), await world.frontend({ group: 'c' })]
  const lost = await world.frontend({ address: '192.0.2.9', port: 80 })
  const state = stateOf(groups, web, late, lost)
  assert.deepEqual(refusals(await engine.apply(state, signal)), ['192.0.2.9.80 AddressNotOnProxy'])
  assert.deepEqual([await whoServes(web), await whoIs(late)], [['a', 'b'], 'c'])
  // Caddy would share the port with itself, and half of the connections would go astray.
  const http = { servers: { site: { listen: [`:${late.port}`], automatic_https: { disable: true } } } }
  await unit.admin('PUT', '/config/apps/http', http)
  const applied = await engine.apply(state, signal)
  assert.deepEqual(refusals(applied), [`${late.address}.${late.port} PortTaken`, '192.0.2.9.80 AddressNotOnProxy'])
  assert.match(applied.refused[0]?.problem.message ?? '', /apps\.http\.servers\.site/)
  assert.deepEqual(await whoServes(web), ['a', 'b'])
  assert.doesNotMatch(await unit.log(), /bind: /)
})

caddyTest('a port that another process would share with Caddy is refused before Caddy hears of it', async (world) => {
  const { engine, groups, signal, targets, targetPort } = world
  const [web, taken] = [await world.frontend(), await world.frontend({ group: 'c' })]
  // As a second Caddy: it binds with SO_REUSEPORT too, and the kernel spreads clients over both.
  const to = { address: targets.a.address, port: targetPort }
  const second = await makeCaddy(adminApps({ from: taken, to }))
  const serving = createServing({ engine, machine: thisMachine, addresses: undefined, applyMs: 10_000, log })
  const state = stateOf(groups, web, taken)
  const origins = new Map(state.frontends.map(({ id }) => [id, { owner: 'prod/public', key: id } as const]))
  const arbitration = { state, order: [], refused: new Map(), notices: new Map(), origins }
  try {
    await second.start()
    const [refusal, ...more] = (await serving.serve(arbitration)).refused.get('prod/public') ?? []
    assert.deepEqual([refusal?.key, refusal?.problem.code, more], [idOf(taken), 'PortTaken', []])
    assert.match(refusal?.problem.message ?? '', /taken by caddy \(process/)
    assert.deepEqual([await whoServes(web), await whoServes(taken)], [['a', 'b'], ['a']])
    // Without the referee both would serve it.
    assert.deepEqual((await engine.apply(state, signal)).refused, [])
    assert.deepEqual(await whoServes(taken, 60), ['a', 'c'])
  } finally {
    await second.close()
  }
})

caddyTest('a port that cannot be bound rests before it is tried again', async (world, { options, unit, rejectOne }) => {
  const { groups, signal } = world
  const engine = await createCaddyEngine({ ...options, failedStartRestMs: 60_000 }, signal)
  const [web, taken] = [await world.frontend(), await world.frontend()]
  await rejectOne(idOf(taken))
  const failures = async () => (await unit.log()).match(/bind: address already in use/g)?.length ?? 0
  const first = await engine.apply(stateOf(groups, web, taken), signal)
  assert.deepEqual([first.how, refusals(first)], ['reload', [`${taken.address}.${taken.port} PortTaken`]])
  const before = await failures()
  assert.ok(before > 0)
  const again = await engine.apply(stateOf(groups, web, taken), signal)
  assert.deepEqual([again.how, again.refused], ['nothing', first.refused])
  assert.equal(await failures(), before)
  await engine.close()
})

caddyTest('UDP and TCP on one port', async (world) => {
  const { engine, groups, signal, targets, targetPort } = world
  const udp = await startUdpBackend('a', { address: targets.a.address, port: targetPort })
  try {
    const tcp = await world.frontend({ group: 'a' })
    const dns = { ...tcp, protocol: 'UDP' as const, idleTimeoutMs: 1_500, proxyProtocol: 'v2' as const }
    const bounds = [bind(tcp), { ...bind(dns), id: `${idOf(tcp)}.udp` }]
    const state = { ...stateOf(groups, tcp, dns), frontends: bounds }
    assert.deepEqual(await engine.apply(state, signal), { refused: [], how: 'reload' })
    assert.equal(await whoIs(tcp), 'a')
    const asked = await askUdp(tcp)
    assert.deepEqual([asked.name, asked.client], ['a', asked.from])
    assert.deepEqual(new Set((await engine.bound(signal)).map(({ protocol }) => protocol)), new Set(['TCP', 'UDP']))
    const other = await world.frontend()
    await engine.apply(
      { ...state, frontends: [...bounds, bind(other)], groups: stateOf(groups, tcp, other).groups },
      signal,
    )
    assert.equal((await askUdp(tcp)).name, 'a')
  } finally {
    await udp.close()
  }
})

caddyTest('balance by source keeps a client at its target, and moves none but to one that joins', async (world) => {
  const { engine, groups, signal, clients } = world
  const web = await world.frontend({ balance: 'source' })
  const net = clients[0].split('.').slice(0, 2).join('.')
  const many = Array.from({ length: 40 }, (_, index) => `${net}.${200 + (index % 5)}.${100 + index}`)
  const askAll = () => Promise.all(many.map((client) => whoIs(web, client)))
  await engine.apply(stateOf(groups, web), signal)
  const before = await askAll()
  assert.deepEqual([await askAll(), new Set(before).size], [before, 2])
  await engine.apply(stateOf(groups, { ...web, group: 'abc' }), signal)
  const after = await askAll()
  assert.ok(after.every((name, index) => name === 'c' || name === before[index]))
})

caddyTest('a cluster that programs the same Caddy from afar keeps what it has', async (world, { unit }) => {
  const { engine, groups, signal } = world
  const [near, far] = [await world.frontend(), await world.frontend({ group: 'c' })]
  const client = { proxy: 'edge-1', url: 'http://localhost', socketPath: unit.socketPath, tls: {}, timeoutMs: 5_000 }
  const owner = { cluster: 'prod', className: 'public', uid: '7e6e3f0a-0000-4000-8000-000000000001' }
  const driver = createCaddyDriver({ ...client, owner, listen: {}, declares: () => true, probe: true, log })
  const all = Object.entries(groups).map(([id, targets]) => ({ id, targets }))
  await pass(driver, makeTable([far], all), signal)
  await engine.apply(stateOf(groups, near), signal)
  assert.deepEqual([await whoServes(near), await whoIs(far)], [['a', 'b'], 'c'])
  assert.deepEqual(refusals(await engine.apply(stateOf(groups, near, far), signal)), [
    `${far.address}.${far.port} PortTaken`,
  ])
  await pass(driver, makeTable([], []), signal)
  assert.equal((await engine.apply(stateOf(groups, near), signal)).how, 'nothing')
  assert.deepEqual([await whoServes(near), await isOpen(far)], [['a', 'b'], false])
  await driver.close()
})

caddyTest('programs that are no Caddy, and a Caddy without the layer4 app', async (world, { options, unit }) => {
  const { groups, signal } = world
  const create = (binary: string) => createCaddyEngine({ ...options, binary }, AbortSignal.timeout(5_000))
  const codes = await Promise.all([unit.binary, 'true', '/nowhere/caddy'].map((binary) => codeOf(create(binary))))
  assert.deepEqual(codes, ['none', 'Unsupported', 'ConfigInvalid'])
  const { plain } = await buildCaddy(toStderr, signal)
  const without = await makeCaddy({}, plain)
  try {
    await without.start()
    const engine = await createCaddyEngine(
      { ...options, admin: { url: 'http://localhost', socketPath: without.socketPath } },
      signal,
    )
    assert.equal(await codeOf(engine.apply(stateOf(groups, await world.frontend()), signal)), 'ProxyLayer4Missing')
    await engine.close()
  } finally {
    await without.close()
  }
})

function withoutMarks(key: string, value: unknown): unknown {
  return key === '@id' ? undefined : value
}

test('Caddy takes every server that is rendered, whatever the tables said', async () => {
  const unit = await makeCaddy()
  try {
    const states = fc.sample(anyCaddyState, { numRuns: 200, seed: 7 })
    const servers = states.flatMap((state, index) =>
      [...drawServers(acceptForCaddy(state).frontends, state.groups)].map(([key, json]) => [`${index}.${key}`, json]),
    )
    assert.ok(servers.length > 100)
    // States are not of one machine: what marks a server or a handler may be there twice.
    const file = join(unit.dir, 'all.json')
    await writeFile(file, JSON.stringify({ apps: { layer4: { servers: Object.fromEntries(servers) } } }, withoutMarks))
    const { ok, output } = await runProgram(
      unit.binary,
      ['validate', '--config', file],
      '',
      AbortSignal.timeout(30_000),
    )
    assert.ok(ok, output)
  } finally {
    await unit.close()
  }
})
