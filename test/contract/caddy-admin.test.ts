/** What only Caddy's driver has to deal with: its admin API. */
import assert from 'node:assert/strict'
import { copyFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { Agent, request } from 'undici'
import { EMPTY_TABLE } from '../../src/model/table.ts'
import { buildCaddy } from '../lab/build.ts'
import { type Certificate, createAuthority, issueCertificate } from '../lab/certificates.ts'
import { freePort } from '../lab/free-port.ts'
import { toStderr } from '../lab/progress.ts'
import { type CaddyProcess, type CaddySettings, startCaddy } from './caddy-harness.ts'
import { whoServes } from './clients.ts'
import { local } from './net.ts'
import { contentOf, failsWith, frontend, leftOver, pass, tableOf } from './tables.ts'
import { eventually, inWorld, type World } from './world.ts'

const { caddy, plain } = await buildCaddy(toStderr, AbortSignal.timeout(1_800_000))

type Settings = Omit<CaddySettings, 'program'> & { readonly program?: string }

/** A test with a Caddy of given settings. */
function caddyTest(name: string, settings: Settings, body: (world: World, proxy: CaddyProcess) => Promise<void>): void {
  test(name, async () => {
    let proxy: CaddyProcess | undefined
    const start = async () => {
      proxy = await startCaddy({ program: caddy, ...settings })
      return proxy
    }
    await inWorld({ name: 'caddy', start }, async (world) => {
      assert(proxy !== undefined)
      await body(world, proxy)
    })
  })
}

caddyTest('a Caddy that was never configured gets its first app', { unconfigured: true }, async (world, proxy) => {
  const { signal, groups, targetPort } = world
  assert.equal(await proxy.admin('GET', '/config/'), null)
  const driver = proxy.driver()
  assert.deepEqual((await driver.read(signal)).table, EMPTY_TABLE)
  const table = tableOf(groups, frontend({ port: await world.port(), targetPort }))
  assert.deepEqual(await pass(driver, table, signal), { refused: [], wrote: true })
  assert.deepEqual(await leftOver(driver, table, signal), [])
})

caddyTest('other apps, and a layer4 app without servers, are no obstacle', {}, async (world, proxy) => {
  const { signal, groups, targetPort } = world
  const driver = proxy.driver()
  for (const apps of [{}, { layer4: {} }, { layer4: { servers: null } }, { layer4: { servers: {} } }]) {
    await proxy.admin('POST', '/config/apps', { ...apps, events: {} })
    const table = tableOf(groups, frontend({ port: await world.port(), targetPort }))
    assert.deepEqual(await pass(driver, table, signal), { refused: [], wrote: true })
    assert.deepEqual(contentOf((await driver.read(signal)).table), contentOf(table))
    assert.deepEqual(await proxy.admin('GET', '/config/apps/events'), {})
  }
})

caddyTest('a Caddy without the layer4 app is told apart, with the remedy', { program: plain }, async (world, proxy) => {
  const { signal, groups, targetPort } = world
  const driver = proxy.driver()
  await driver.read(signal)
  const table = tableOf(groups, frontend({ port: await world.port(), targetPort }))
  for (let round = 0; round < 2; round++) {
    const { problem } = await failsWith('ProxyLayer4Missing', () => pass(driver, table, signal))
    assert.match(problem.remedy, /xcaddy build --with github\.com\/mholt\/caddy-l4/)
  }
  assert.equal(await proxy.admin('GET', '/config/apps'), null)
})

caddyTest('each write drops the sockets that were kept, and no call of ours notices', {}, async (world, proxy) => {
  const { signal, groups, targetPort } = world
  const driver = proxy.driver()
  const web = frontend({ port: await world.port(), targetPort })
  for (let round = 0; round < 15; round++) {
    const keeping = new Agent({ keepAliveTimeout: 60_000 })
    const ask = async () => (await request(`${proxy.adminUrl}/config/apps`, { dispatcher: keeping })).body.dump()
    await ask()
    let dropped = false
    keeping.once('disconnect', () => {
      dropped = true
    })
    const applied = await pass(driver, tableOf(groups, { ...web, group: round % 2 === 0 ? 'a' : 'b' }), signal)
    assert.deepEqual(applied, { refused: [], wrote: true })
    // Were they kept, so could ours be.
    await eventually('the socket is dropped', async () => dropped, signal)
    await keeping.destroy()
  }
})

caddyTest("listeners of Caddy's other apps are seen, HTTP/3 and wildcards too", {}, async (world, proxy) => {
  const { signal, groups, targetPort } = world
  const [wild, range] = [await world.port(), await freePort(local(6))]
  const off = { automatic_https: { disable: true } }
  const servers = { web: { ...off, listen: [`:${wild}`] }, more: { ...off, listen: [`${local(6)}:${range}-${range}`] } }
  await proxy.admin('PUT', '/config/apps/http', { servers })
  const listeners = (await proxy.driver().read(signal)).listeners.map(({ holder }) => holder)
  assert.deepEqual(listeners.toSorted(), ['apps.http.servers.more', 'apps.http.servers.web', 'the admin API'])
  const taken = [
    frontend({ port: wild, targetPort }),
    frontend({ port: wild, targetPort, protocol: 'UDP' }),
    frontend({ address: '::1', port: wild, targetPort, group: 'v6' }),
    frontend({ address: local(6), port: range, targetPort }),
    frontend({ address: '127.0.0.1', port: proxy.adminPort, targetPort }),
  ]
  const good = frontend({ port: await world.port(), targetPort })
  const applied = await pass(proxy.driver({ probe: false }), tableOf(groups, good, ...taken), signal)
  assert.deepEqual(
    applied.refused.map(({ problem }) => problem.code),
    taken.map(() => 'PortTaken'),
  )
  assert.match(
    applied.refused.map(({ problem }) => problem.message).join('\n'),
    /apps\.http\.servers\.web listens on \*:/,
  )
  assert.deepEqual(await whoServes(good), ['a', 'b'])
})

const fails = { taken: 'a UDP port that is taken', gone: 'an address that is not there' } as const

for (const [which, name] of Object.entries(fails)) {
  caddyTest(`${name} costs one failed write, and nobody else their service`, {}, async (world, proxy) => {
    const { signal, groups, targetPort } = world
    const driver = proxy.driver({ probe: which === 'taken' })
    const good = frontend({ port: await world.port(), targetPort })
    await pass(driver, tableOf(groups, good), signal)
    // The resolver's own port on a target's address is one that this test holds.
    const bad =
      which === 'taken'
        ? frontend({ address: local(11), port: targetPort, targetPort, protocol: 'UDP' })
        : frontend({ address: '203.0.113.250', port: await world.port(), targetPort })
    const other = frontend({ port: await world.port(), targetPort })
    const before = await proxy.writes()
    const table = tableOf(groups, good, bad, other)
    const applied = await pass(driver, table, signal)
    assert.deepEqual(
      applied.refused.map(({ problem }) => problem.code),
      [which === 'taken' ? 'PortTaken' : 'AddressNotOnProxy'],
    )
    assert.match(applied.refused[0]?.problem.message ?? '', /until Caddy is restarted/)
    assert.equal(await proxy.writes(), before + 2)
    assert.deepEqual(await pass(driver, table, signal), { ...applied, wrote: false })
    assert.equal(await proxy.writes(), before + 2)
    assert.deepEqual(await whoServes(other), ['a', 'b'])
    // What was left behind is gone with the process, and what was served is there again.
    await proxy.kill()
    await proxy.restart()
    assert.deepEqual(await proxy.openSockets(), await proxy.configuredSockets())
    for (const one of [good, other]) assert.deepEqual(await whoServes(one), ['a', 'b'])
    assert.deepEqual(await leftOver(driver, tableOf(groups, good, other), signal), [])
  })
}

caddyTest(
  'a host that Caddy does not expect is refused, and the message says where to look',
  { config: (port) => ({ admin: { listen: `127.0.0.1:${port}`, origins: [`127.0.0.1:${port}`] } }) },
  async ({ signal }, proxy) => {
    const driver = proxy.driver({ url: `http://localhost:${proxy.adminPort}` })
    const { problem } = await failsWith('ProxyUnauthorized', () => driver.read(signal))
    assert.match(problem.remedy, /admin\.origins/)
    const secure = proxy.driver({ url: `https://127.0.0.1:${proxy.adminPort}` })
    const tls = await failsWith('ProxyUnreachable', () => secure.read(signal))
    assert.match(tls.problem.message, /TLS failed/)
    const nothing = proxy.driver({ url: `http://127.0.0.1:${await freePort('127.0.0.1')}` })
    assert.match((await failsWith('ProxyUnreachable', () => nothing.read(signal))).message, /connection refused/)
  },
)

test('admin.remote: client certificates, their rotation, and a server that is not the one we trust', async () => {
  const signal = AbortSignal.timeout(60_000)
  const remote = await freePort('127.0.0.1')
  let clients: readonly Certificate[] = []
  const start = async () => {
    const proxy = await startCaddy({ program: caddy })
    const authority = await createAuthority(proxy.dir, 'clients', signal)
    clients = await Promise.all(
      ['one', 'two'].map((name) =>
        issueCertificate(proxy.dir, authority, { name, commonName: `fairway ${name}` }, signal),
      ),
    )
    await proxy.admin('POST', '/config/', await remoteConfig(proxy, remote, clients[0]))
    return proxy
  }
  await inWorld({ name: 'caddy', start }, async (world) => {
    const proxy = world.harness as CaddyProcess
    const caFile = join(proxy.dir, 'data/caddy/pki/authorities/local/root.crt')
    const [certFile, keyFile] = [join(proxy.dir, 'tls.crt'), join(proxy.dir, 'tls.key')]
    const install = async (certificate: Certificate | undefined) => {
      await copyFile(certificate?.certFile ?? '', certFile)
      await copyFile(certificate?.keyFile ?? '', keyFile)
    }
    await install(clients[0])
    const url = `https://127.0.0.1:${remote}`
    const driver = proxy.driver({ url, tls: { certFile, keyFile, caFile } })
    const answers =
      (one = driver) =>
      async () =>
        (await one.read(signal).catch(() => undefined)) !== undefined
    await eventually('admin.remote answers', answers(), signal)
    const table = tableOf(world.groups, frontend({ port: await world.port(), targetPort: world.targetPort }))
    assert.deepEqual(await pass(driver, table, signal), { refused: [], wrote: true })
    assert.deepEqual(await leftOver(driver, table, signal), [])

    // The operator's certificate is replaced at both ends, the driver stays.
    await proxy.admin('PATCH', '/config/admin/remote/access_control', await accessFor(clients[1]))
    const { problem } = await failsWith('ProxyUnauthorized', () => driver.read(signal))
    assert.match(problem.remedy, /access_control/)
    await install(clients[1])
    await eventually('the new certificate is used', answers(), signal)
    assert.deepEqual(await leftOver(driver, table, signal), [])

    const anonymous = proxy.driver({ url, tls: { caFile } })
    await failsWith('ProxyUnauthorized', () => anonymous.read(signal))
    const distrustful = proxy.driver({ url, tls: { certFile, keyFile } })
    assert.match((await failsWith('ProxyUnreachable', () => distrustful.read(signal))).message, /not trusted/)
  })
})

async function accessFor(client: Certificate | undefined): Promise<unknown> {
  const pem = await readFile(client?.certFile ?? '', 'utf8')
  const der = pem.replaceAll(/-----[^-]+-----|\s/g, '')
  const permissions = [{ paths: ['/config/apps'], methods: ['GET', 'POST', 'PUT'] }]
  return [{ public_keys: [der], permissions }]
}

async function remoteConfig(proxy: CaddyProcess, remote: number, client: Certificate | undefined): Promise<unknown> {
  return {
    admin: {
      listen: `127.0.0.1:${proxy.adminPort}`,
      identity: { identifiers: ['127.0.0.1'], issuers: [{ module: 'internal' }] },
      remote: { listen: `127.0.0.1:${remote}`, access_control: await accessFor(client) },
    },
    apps: { pki: { certificate_authorities: { local: { install_trust: false } } } },
  }
}
