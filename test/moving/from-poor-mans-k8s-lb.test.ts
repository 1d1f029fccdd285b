/** A machine as poor-mans-k8s-lb has it, with the real adnanh/webhook and containers that call it, and how `fairway edge` takes over. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, lstatSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { askTcp, isOpen, startLongTransfer, whoServes } from '../contract/clients.ts'
import type { Block } from '../docs/markdown.ts'
import { waitFor } from '../lab/wait.ts'
import { createNodes, service, startCluster } from './cluster.ts'
import { runDocument, runShell } from './document.ts'
import { FIXTURES, installEdge, makeClone, writeHaproxy } from './edge-machine.ts'
import { movingTest } from './machine.ts'
import { startAsking, startBackends, startKubeProxies } from './traffic.ts'
import { startUnits, type Units } from './units.ts'

const OLD = join(FIXTURES, 'poor-mans')
/** Containers know nodes by what they are called from outside. */
const NODES = { n1: '198.51.100.3', n2: '198.51.100.4', n3: '198.51.100.5' }
const UNIFI = { address: '203.0.113.10', port: 8080 }
const MQTT = { address: '203.0.113.10', port: 8443 }
/** In the block that undoes all. */
const BACK = 'mv -T'
const document = 'from-poor-mans-k8s-lb.md'
const addresses = ['203.0.113.10/32', '10.1.0.100/24', ...Object.values(NODES).map((one) => `${one}/24`)]

await movingTest({ document, addresses }, import.meta.filename, async (signal) => {
  const units = await startUnits()
  await startBackends(NODES, [30_808, 30_843])
  await startKubeProxies(Object.values(NODES))
  await startOldSystem(units)
  const cluster = await startCluster(signal)
  const known = Object.entries(NODES).map(([name, one]) => [
    name,
    [`InternalIP 10.1.0.1${name.at(-1)}`, `ExternalIP ${one}`],
  ])
  await createNodes(cluster, Object.fromEntries(known), signal)
  await cluster.apply(service('unifi', ['adoption 8080 30808']), service('mqtt', ['mqtts 8443 30843']))
  makeClone()
  await installEdge(Object.values(NODES))
  callHome('unifi-adoption', UNIFI.port, 30_808, NODES.n2, 'add')
  callHome('mqtt', MQTT.port, 30_843, NODES.n1, 'add')
  await waitFor('the old system to serve', async () => (await askTcp(MQTT)).name, { timeoutMs: 20_000 }, signal)
  assert.deepEqual(await whoServes(UNIFI), ['n2'])

  const transfer = await startLongTransfer(UNIFI, signal)
  const asking = startAsking(UNIFI)
  const haproxy = units.pid('haproxy')
  const checkMoved = async ({ text }: Block) => {
    if (!text.includes(BACK)) return
    for (const one of [UNIFI, MQTT]) assert.deepEqual(await whoServes(one, 20), ['n1', 'n2', 'n3'])
    assert.equal(units.pid('haproxy'), haproxy, 'HAProxy is the process that it was')
    const { asked, failed, longestMs } = await asking.finish()
    console.error(
      `${document}: the transfer went on for ${await transfer.finish()} lines; of ${asked} new connections ${failed} were refused, for at most ${longestMs} ms`,
    )
    assert.ok(longestMs < 10_000, 'the gap is short')

    // A container that still calls does no harm.
    assert.throws(() => callHome('unifi-adoption', UNIFI.port, 30_808, NODES.n1, 'add'))
    assert.ok(lstatSync('/etc/haproxy/haproxy.cfg').isSymbolicLink())
    // The next boot.
    await units.systemctl('restart', 'haproxy')
    await waitFor('HAProxy to be back', async () => isOpen(UNIFI), { timeoutMs: 20_000 }, signal)
    assert.deepEqual(await whoServes(MQTT, 20), ['n1', 'n2', 'n3'])
  }
  try {
    await runDocument(document, checkMoved)
    assert.deepEqual(await whoServes(UNIFI), ['n2'])
    callHome('unifi-adoption', UNIFI.port, 30_808, NODES.n1, 'add')
    await waitFor(
      'the container to be heard',
      async () => (await whoServes(UNIFI)).join() === 'n1',
      { timeoutMs: 20_000 },
      signal,
    )
  } catch (error) {
    for (const name of ['haproxy', 'webhook', 'fairway-edge']) console.error(name, units.log(name).slice(-2_000))
    console.error((await cluster.log()).slice(-3_000))
    throw error
  }
})

async function startOldSystem({ systemctl }: Units): Promise<void> {
  mkdirSync('/etc/webhook/haproxy', { recursive: true })
  for (const name of ['update-haproxy.sh', 'hooks.json']) cpSync(join(OLD, name), join('/etc/webhook', name))
  cpSync(join(FIXTURES, 'haproxy-head.cfg'), '/etc/webhook/haproxy/global')
  mkdirSync('/etc/systemd/system/webhook.service.d', { recursive: true })
  cpSync(join(OLD, 'webhook.conf'), '/etc/systemd/system/webhook.service.d/override.conf')
  await runShell(`openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=lb.example \\
  -addext subjectAltName=IP:203.0.113.10 -keyout /etc/webhook/site.key -out /etc/webhook/site.crt 2>/dev/null`)
  writeHaproxy(join(FIXTURES, 'haproxy-head.cfg'))
  await systemctl('start', 'haproxy')
  await systemctl('start', 'webhook')
}

/** What the container does, with curl. The script runs on after the answer. */
function callHome(name: string, frontend: number, backend: number, address: string, action: string): void {
  const fields = { name, 'frontend-port': `${frontend}`, 'backend-port': `${backend}`, 'dst-ip': address, action }
  const headers = ['-H', 'Content-Type: application/json', '-H', 'X-Funkypenguin-Token: open sesame']
  const access = ['-sS', '--fail', '--cacert', '/etc/webhook/site.crt', ...headers]
  execFileSync('curl', [...access, '-d', JSON.stringify(fields), 'https://203.0.113.10:9000/hooks/update-haproxy'])
  // Calls that come together race on one file.
  execFileSync('sleep', ['1'])
}
