/** A Caddy whose ports and nodes somebody has written by hand, and how the operator takes it over. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { askTcp, startLongTransfer, whoServes } from '../contract/clients.ts'
import { ROOT } from '../docs/markdown.ts'
import { waitFor } from '../lab/wait.ts'
import { createNodes, service, startCluster } from './cluster.ts'
import { runDocument } from './document.ts'
import { movingTest } from './machine.ts'
import { startAsking, startBackends } from './traffic.ts'
import { startUnits } from './units.ts'

const FIXTURES = join(import.meta.dirname, 'fixtures')
const NODES = { n1: '10.1.0.3', n2: '10.1.0.4', n3: '10.1.0.5' }
const HTTP = { address: '203.0.113.10', port: 80 }
const HTTPS = { address: '203.0.113.10', port: 443 }
const document = 'from-caddy-json.md'
const addresses = ['203.0.113.10/32', ...['100', '3', '4', '5'].map((last) => `10.1.0.${last}/24`)]

await movingTest({ document, addresses, program: 'caddy' }, import.meta.filename, async (signal) => {
  const units = await startUnits()
  await startBackends(NODES, [30_080, 30_443])
  cpSync(join(FIXTURES, 'caddy/config.json'), '/opt/caddy/config.json')
  cpSync(process.env['LAB_PROGRAM'] ?? '', '/opt/caddy/caddy')
  cpSync(join(FIXTURES, 'caddy/caddy.service'), '/etc/systemd/system/caddy.service')
  await units.systemctl('start', 'caddy')
  const cluster = await startCluster(signal)
  await createNodes(
    cluster,
    Object.fromEntries(Object.entries(NODES).map(([name, one]) => [name, [`InternalIP ${one}`]])),
    signal,
  )
  await cluster.apply(service('ingress', ['http 80 30080', 'https 443 30443']))
  for (const name of ['charts', 'deploy']) symlinkSync(join(ROOT, name), name)
  cpSync(join(FIXTURES, 'values.yaml'), 'values.yaml')
  await waitFor('the old system to serve', async () => (await askTcp(HTTP)).name, { timeoutMs: 20_000 }, signal)

  const transfer = await startLongTransfer(HTTP, signal)
  const asking = startAsking(HTTP)
  const caddy = units.pid('caddy')
  try {
    await runDocument(document)
    await checkServed()
    assert.equal(units.pid('caddy'), caddy, 'Caddy is the process that it was')
    const noticed = await asking.finish()
    assert.equal(noticed.failed, 0)
    console.error(
      `${document}: the transfer went on for ${await transfer.finish()} lines; ${noticed.asked} new connections, ${noticed.failed} failed`,
    )

    // A node goes: nobody edits anything.
    await cluster.lab.kubectl(['delete', 'node', 'n1'], signal)
    await waitFor(
      'the node to be left out',
      async () => (await whoServes(HTTP, 20)).join() === 'n2,n3',
      { timeoutMs: 20_000 },
      signal,
    )
    await units.systemctl('restart', 'caddy')
    await waitFor(
      'Caddy to go on',
      async () => (await whoServes(HTTP, 20)).join() === 'n2,n3',
      { timeoutMs: 20_000 },
      signal,
    )
  } catch (error) {
    const lines = units
      .log('caddy')
      .split('\n')
      .filter((line) => !line.includes('"debug"'))
    console.error(lines.slice(-20).join('\n'), (await cluster.log()).slice(-3_000))
    throw error
  }
})

async function checkServed(): Promise<void> {
  const servers = execFileSync('curl', ['-sS', '--fail', 'localhost:2019/config/apps/layer4/servers'], {
    encoding: 'utf8',
  })
  assert.deepEqual(Object.keys(JSON.parse(servers) as object).toSorted(), [
    'fairway.prod-a.public.tcp.203.0.113.10.443',
    'fairway.prod-a.public.tcp.203.0.113.10.80',
  ])
  const { name, client, from } = await askTcp(HTTP)
  assert.match(name, /^n[123]$/)
  assert.equal(client, from, 'the PROXY header is as before')
  assert.deepEqual(await whoServes(HTTP, 20), ['n1', 'n2', 'n3'])
  // Of the old one each client's bytes went to all nodes at once.
  assert.deepEqual(await whoServes(HTTPS, 20), ['n1', 'n2', 'n3'])
}
