/** A machine where a script writes HAProxy's configuration from spec.externalIPs and pods, with the control plane behind it too, and how `fairway edge` takes over. */
import assert from 'node:assert/strict'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type LongTransfer, startLongTransfer, whoServes } from '../contract/clients.ts'
import type { Endpoint } from '../contract/harness.ts'
import type { Block } from '../docs/markdown.ts'
import { waitFor } from '../lab/wait.ts'
import { createNodes, endpointSlice, service, startCluster } from './cluster.ts'
import { runDocument, runShell } from './document.ts'
import { FIXTURES, installEdge, makeClone, writeHaproxy } from './edge-machine.ts'
import { movingTest } from './machine.ts'
import { startAsking, startBackends } from './traffic.ts'
import { startUnits, type Units } from './units.ts'

const OLD = join(FIXTURES, 'praqma')
const PODS = { pod1: '10.200.1.25', pod2: '10.200.1.26', pod3: '10.200.1.27', pod4: '10.200.1.28' }
const CONTROLLERS = { controller1: '10.240.0.21', controller2: '10.240.0.22' }
const HTTP = { address: '10.240.0.2', port: 80 }
const HTTPS = { address: '10.240.0.2', port: 443 }
const API = { address: '10.240.0.200', port: 6443 }
const MACHINE = '10.240.0.200'
/** In the block that undoes all. */
const BACK = 'mv -T'
const document = 'from-praqma-script.md'
const addresses = [
  ...[MACHINE, ...Object.values(CONTROLLERS)].map((one) => `${one}/24`),
  ...Object.values(PODS).map((one) => `${one}/16`),
]

await movingTest({ document, addresses }, import.meta.filename, async (signal) => {
  const units = await startUnits()
  await startBackends(PODS, [80, 443, 8_443])
  await startBackends(CONTROLLERS, [6_443])
  const cluster = await startCluster(signal)
  await createNodes(cluster, { worker1: ['InternalIP 10.240.0.31'] }, signal)
  const ports = ['http 80', 'https 443']
  await cluster.apply(
    service('nginx', ports, { externalIPs: [HTTP.address] }),
    endpointSlice('nginx', Object.values(PODS), ports),
  )
  await startOldSystem(units)
  makeClone()
  await installEdge([...Object.values(PODS), ...Object.values(CONTROLLERS)], MACHINE)
  const serves = async ({ address, port }: Endpoint, names: readonly string[]) =>
    waitFor(
      `${address}:${port}`,
      async () => (await whoServes({ address, port }, 20)).join() === names.join(),
      { timeoutMs: 20_000 },
      signal,
    )
  await serves(HTTP, Object.keys(PODS))
  await serves(API, Object.keys(CONTROLLERS))

  const transfers: LongTransfer[] = []
  for (const one of [HTTP, API]) transfers.push(await startLongTransfer(one, signal))
  const asking = startAsking(HTTP)
  const haproxy = units.pid('haproxy')
  const checkMoved = async ({ text }: Block) => {
    if (!text.includes(BACK)) return
    await serves(HTTP, Object.keys(PODS))
    await serves(HTTPS, Object.keys(PODS))
    await serves(API, Object.keys(CONTROLLERS))
    assert.equal(units.pid('haproxy'), haproxy, 'HAProxy is the process that it was')
    const { asked, failed, longestMs } = await asking.finish()
    const lines = await Promise.all(transfers.map((one) => one.finish()))
    console.error(
      `${document}: the transfers went on for ${lines.join(' and ')} lines; of ${asked} new connections ${failed} were refused, for at most ${longestMs} ms`,
    )
    assert.ok(longestMs < 10_000, 'the gap is short')

    // A pod goes: nobody runs a script.
    const { pod1: _, ...left } = PODS
    await cluster.apply(endpointSlice('nginx', Object.values(left), ports))
    await serves(HTTP, Object.keys(left))
    // The next boot: the addresses are gone until the edge has put them there.
    await units.systemctl('stop', 'fairway-edge')
    await units.systemctl('stop', 'haproxy')
    await runShell(`ip address del ${HTTP.address}/32 dev eth0`)
    await units.systemctl('start', 'fairway-edge')
    await units.systemctl('start', 'haproxy').catch(() => {})
    await serves(HTTP, Object.keys(left))
    await serves(API, Object.keys(CONTROLLERS))
  }
  try {
    await runDocument(document, checkMoved)
    await serves(HTTP, ['pod2', 'pod3', 'pod4'])
    await serves(API, Object.keys(CONTROLLERS))
  } catch (error) {
    for (const name of ['haproxy', 'fairway-edge']) console.error(name, units.log(name).slice(-2_000))
    console.error((await cluster.log()).slice(-3_000))
    throw error
  }
})

async function startOldSystem({ systemctl }: Units): Promise<void> {
  cpSync(join(OLD, 'loadbalancer.sh'), '/usr/local/bin/loadbalancer.sh')
  cpSync(join(OLD, 'loadbalancer.conf'), '/usr/local/etc/loadbalancer.conf')
  cpSync(join(FIXTURES, 'haproxy-head.cfg'), '/usr/local/etc/haproxy-head.cfg')
  writeHaproxy(join(FIXTURES, 'haproxy-head.cfg'))
  await systemctl('start', 'haproxy')
  await runShell('loadbalancer.sh show\nloadbalancer.sh create\nloadbalancer.sh show\n')
  assert.match(
    readFileSync('/etc/haproxy/haproxy.cfg', 'utf8'),
    /bind 10\.240\.0\.2:80,10\.240\.0\.2:443\n {8}server pod-1 10\.200\.1\.25 check port 80/,
  )
}
