/** Services that KubeLB serves, and how Fairway takes its place. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { isOpen, startLongTransfer, whoServes } from '../contract/clients.ts'
import type { Endpoint } from '../contract/harness.ts'
import type { Block } from '../docs/markdown.ts'
import { waitFor } from '../lab/wait.ts'
import { createNodes, service, startCluster } from './cluster.ts'
import { runDocument, runShell } from './document.ts'
import { FIXTURES, installEdge, makeClone, writeHaproxy } from './edge-machine.ts'
import { playKubelb } from './kubelb.ts'
import { movingTest } from './machine.ts'
import { startAsking, startBackends, startKubeProxies } from './traffic.ts'
import { startUnits } from './units.ts'

/** Nothing listens at the InternalIP of a node. */
const NODES = { n1: '198.51.100.3', n2: '198.51.100.4' }
const OLD = { address: '10.10.255.200', port: 3_000 }
const document = 'from-kubelb.md'
const addresses = [
  '10.1.0.100/24',
  '10.10.255.200/24',
  '10.10.255.201/24',
  '203.0.113.2/28',
  '203.0.113.3/28',
  ...Object.values(NODES).map((one) => `${one}/24`),
]

await movingTest({ document, addresses, program: 'envoy' }, import.meta.filename, async (signal) => {
  const units = await startUnits()
  await startBackends(NODES, [30_300, 30_025])
  await startKubeProxies(Object.values(NODES))
  const cluster = await startCluster(signal)
  const known = Object.entries(NODES).map(([name, one]) => [
    name,
    [`InternalIP 10.1.0.1${name.at(-1)}`, `ExternalIP ${one}`],
  ])
  await createNodes(cluster, Object.fromEntries(known), signal)
  await runShell(`kubectl apply -f ${join(FIXTURES, 'kubelb/objects.yaml')}
kubectl config set-context management --cluster lab --user admin
kubectl wait --for=condition=Established crd/loadbalancers.kubelb.k8c.io --timeout=1m
`)
  const kubelb = playKubelb(cluster, Object.values(NODES), signal)
  await cluster.apply(service('backend', ['http 3000 30300'], { type: 'LoadBalancer' }))
  const serves = async (endpoint: Endpoint) =>
    waitFor(
      `${endpoint.address}:${endpoint.port}`,
      async () => (await whoServes(endpoint, 20)).join() === 'n1,n2',
      { timeoutMs: 20_000 },
      signal,
    )
  await serves(OLD)
  await cluster.apply(service('mail', ['smtp 25 30025'], { type: 'LoadBalancer', loadBalancerClass: 'kubelb' }))
  await serves({ address: '10.10.255.201', port: 25 })
  makeClone()
  writeHaproxy(join(FIXTURES, 'haproxy-head.cfg'))
  await installEdge(Object.values(NODES))
  // Step 4 of the installation.
  await runShell(`cd /opt/fairway/edge
sed -i 's|^# addresses:.*|addresses: [203.0.113.0/28]|' /etc/fairway/edge.yaml
install -m 0644 systemd/fairway-edge.service /etc/systemd/system/
install -D -m 0644 systemd/haproxy.conf /etc/systemd/system/haproxy.service.d/fairway.conf
systemctl daemon-reload
systemctl enable --now fairway-edge
systemctl restart haproxy
`)

  const addressOf = async (name: string) => {
    const path = '{.status.loadBalancer.ingress[0].ip}'
    return (await cluster.lab.kubectl(['get', 'service', name, '-o', `jsonpath=${path}`], signal)).trim()
  }
  const transfer = await startLongTransfer(OLD, signal)
  const asking = startAsking(OLD)
  const checkBetween = async ({ text }: Block) => {
    if (!text.includes('delete loadbalancers')) return
    const [backend, mail] = [await addressOf('backend'), await addressOf('mail')]
    await serves({ address: backend, port: 3_000 })
    await serves({ address: mail, port: 25 })
    assert.match(`${backend} ${mail}`, /^203\.0\.113\.\d+ 203\.0\.113\.\d+$/)
    assert.equal(kubelb.writes(), 2, 'nobody has contested an address')
    const { asked, failed } = await asking.finish()
    assert.equal(failed, 0)
    console.error(
      `${document}: at the old address the transfer went on for ${await transfer.finish()} lines, and ${asked} new connections were served, until KubeLB's part was deleted`,
    )
  }
  try {
    await runDocument(document, checkBetween)
    await waitFor(
      'the old way to be gone',
      async () => kubelb.serving() === 0 && !(await isOpen(OLD)),
      { timeoutMs: 20_000 },
      signal,
    )
    await serves({ address: await addressOf('backend'), port: 3_000 })
    await runShell(
      'kubectl exec -n fairway deploy/fairway -- node /app/fairway.js plan\nkubectl delete service mail --timeout=30s\n',
    )
  } catch (error) {
    for (const name of ['haproxy', 'fairway-edge']) console.error(name, units.log(name).slice(-2_000))
    console.error((await cluster.log()).slice(-3_000))
    throw error
  }
})
