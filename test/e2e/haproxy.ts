/** HAProxy, by `fairway edge`: what users ask for is served as by the Caddys, and some of it better. */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { client } from '../lab/addresses.ts'
import { waitFor } from '../lab/wait.ts'
import { byHandPorts, fixedFrontend, haproxyAddresses, haproxyName } from './haproxy-config.ts'
import { askFixed } from './haproxy-world.ts'
import { webPort } from './objects.ts'
import { limitSources } from './policies.ts'
import type { Scenario, Scenarios } from './scenario.ts'
import { shareByHosts } from './sni.ts'
import { hostOf, startProbe } from './traffic.ts'
import { applyAll, deletePods, podsReady, seerPod, seerPorts } from './workloads.ts'

const inClass = { 'fairway.dev/class': 'haproxy' } as const
/** A class may have several proxies. */
const BY_NAME = new RegExp(haproxyName)

export function haproxy(scenario: Scenarios): void {
  scenario("HAProxy: the edge's own frontend is served before any cluster is heard from", servesFixed)
  scenario('HAProxy: a Service gets an address, and both families see the real address of the client', servesClients)
  scenario('HAProxy: UDP is refused by name, and the TCP port beside it is served', refusesUdp)
  scenario("HAProxy: a port of its administrator's is refused by name, an address of nobody's too", refusesOthers)
  scenario('HAProxy: loadBalancerSourceRanges', async (one) => limitSources(one, 'haproxy'))
  scenario('HAProxy: TLS Services share port 443 by their hosts', async (one) =>
    shareByHosts(one, 'haproxy', '203.0.113.23'),
  )
  scenario(
    'HAProxy: externalTrafficPolicy Local follows pods, and a node that fails its check is left out',
    followsPods,
  )
  scenario('HAProxy: a cordoned node gets no new connections and keeps those that it has', drainsNode)
}

/** Where HAProxy leads for a frontend, and how it sees each target: `10.1.0.1 up`, sorted. */
async function targetsOf(
  { haproxy: machine }: Pick<Scenario, 'haproxy'>,
  key: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { targets } = (await machine.ask('/v1/tables/lab/haproxy/health', signal)) as {
    readonly targets: readonly { readonly key: string; readonly address: string; readonly state: string }[]
  }
  return targets
    .filter((target) => target.key === key)
    .map(({ address, state }) => `${address} ${state}`)
    .toSorted()
}

async function untilTargets(scenario: Scenario, key: string, ...wanted: readonly string[]): Promise<void> {
  let last: readonly string[] = []
  const probe = async (limit: AbortSignal) => {
    last = await targetsOf(scenario, key, limit)
    return last.join() === wanted.join()
  }
  const within = { timeoutMs: 15_000, intervalMs: 100 }
  await waitFor(`${key} to lead to ${wanted.join(', ')}`, probe, within, scenario.signal).catch((error: Error) => {
    throw new Error(`${error.message}; it leads to ${last.join(', ')}`)
  })
}

async function servesFixed({ create, services, haproxy: { early }, lab, signal }: Scenario): Promise<void> {
  equal(early, 'ok')
  const { fixed } = haproxyAddresses
  const annotations = { 'fairway.dev/class': 'second', 'fairway.dev/address': fixed }
  await create({ name: 'wants-control-plane', annotations, ports: webPort(fixedFrontend.port) })
  const says = [BY_NAME, new RegExp(`tcp/${fixed}:6443`), /frontend control-plane of the proxy's own configuration/]
  await services.warningOf('wants-control-plane', { reason: 'PortTaken', says }, signal)
  equal((await services.get('wants-control-plane', signal)).status.loadBalancer.ingress, undefined)
  equal(await askFixed(lab, signal), 'ok')
}

async function servesClients({ create, services, traffic, signal }: Scenario): Promise<void> {
  await create({
    name: 'seen',
    app: 'seer',
    annotations: { ...inClass, 'fairway.dev/proxy-protocol': 'proxied=v2' },
    ports: [
      { name: 'proxied', port: 7001, targetPort: seerPorts.proxied },
      { name: 'plain', port: 7000, targetPort: seerPorts.plain },
    ],
    spec: { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv4', 'IPv6'] },
  })
  const { first, firstV6 } = haproxyAddresses
  deepEqual(await services.addressesOf('seen', signal), [first, firstV6])
  const { metadata, status } = await services.get('seen', signal)
  deepEqual(status.loadBalancer.ingress, [
    { ip: first, ipMode: 'Proxy' },
    { ip: firstV6, ipMode: 'Proxy' },
  ])
  deepEqual(metadata.finalizers, ['fairway.dev/cleanup'])
  equal(hostOf((await traffic.sight(first, 7001, signal)).client), client.v4)
  equal(hostOf((await traffic.sight(firstV6, 7001, signal)).client), client.v6)
  const nodes = new Set<string>()
  for (let tries = 0; tries < 40 && nodes.size < 3; tries++) {
    const { node, client: seen } = await traffic.sight(first, 7000, signal)
    nodes.add(node)
    ok(hostOf(seen) !== client.v4, 'without the header nobody could see it')
  }
  equal(nodes.size, 3)
  await services.remove('seen', signal)
  for (const port of [7000, 7001]) await traffic.refused(first, port, signal)
}

async function refusesUdp({ create, services, traffic, signal }: Scenario): Promise<void> {
  await create({
    name: 'datagrams',
    annotations: inClass,
    ports: [...webPort(301), { port: 53, targetPort: 8081, protocol: 'UDP' }],
  })
  const says = [/e2e\/datagrams/, /protocol UDP on port 53\/UDP/, BY_NAME]
  await services.warningOf('datagrams', { reason: 'Unsupported', says }, signal)
  const address = await services.addressOf('datagrams', signal)
  const [entry] = (await services.get('datagrams', signal)).status.loadBalancer.ingress ?? []
  deepEqual(entry?.ports, [
    { port: 301, protocol: 'TCP' },
    { port: 53, protocol: 'UDP', error: 'fairway.dev/Unsupported' },
  ])
  match(await traffic.answers(address, 301, '/hostname', signal), /^web-/)
}

async function refusesOthers({ create, services, traffic, lab, cleanUp, signal }: Scenario): Promise<void> {
  const { last } = haproxyAddresses
  const annotations = { ...inClass, 'fairway.dev/address': last }
  const program = `require('http').createServer((_, answer) => answer.end('a squatter')).listen(302, '${last}')`
  const squatter = lab.spawn('edge', 'haproxy-squatter', [process.execPath, '-e', program])
  cleanUp(async (late) => squatter.stop(0, late))
  await traffic.answers(last, 302, '/', signal)
  const ports = [byHandPorts.taken, 302, 303].flatMap(webPort)
  await create({ name: 'crowded', annotations, ports })
  const byHand = [BY_NAME, new RegExp(`${last}:${byHandPorts.taken}`), /frontend by-hand in haproxy\.cfg/]
  await services.warningOf('crowded', { reason: 'PortTaken', says: byHand }, signal)
  const bySquatter = [BY_NAME, new RegExp(`${last}:302`), /node \(process \d+\)/, /ss -ltnp/]
  await services.warningOf('crowded', { reason: 'PortTaken', says: bySquatter }, signal)
  equal(await services.addressOf('crowded', signal), last, 'its third port is served')
  match(await traffic.answers(last, 303, '/hostname', signal), /^web-/)
  equal(await traffic.get(last, byHandPorts.taken, '/', signal), 'made by hand')
  equal(await traffic.get(last, 302, '/', signal), 'a squatter')
}

const POD = 'moves'

/** A check of the node's own, every half second: faster than Kubernetes, which takes most of a minute. */
const CHECKS = { 'fairway.dev/health-check-interval': '500ms', 'fairway.dev/health-check-fall': '2' } as const

async function followsPods(scenario: Scenario): Promise<void> {
  const { create, cleanUp, services, traffic, lab, signal } = scenario
  const [first, second] = lab.nodes
  ok(first !== undefined && second !== undefined)
  const podOn = (node: string) => `${POD}-${node}`
  const names = [first.name, second.name].map(podOn)
  cleanUp(async (late) => deletePods(lab, names, late))
  await applyAll(
    lab,
    [first.name, second.name].map((node) => seerPod(podOn(node), POD, node)),
    signal,
  )
  await podsReady(lab, names, signal)
  await create({
    name: 'moving',
    app: POD,
    annotations: { ...inClass, ...CHECKS, 'fairway.dev/proxy-protocol': 'v2' },
    ports: [{ port: 7010, targetPort: seerPorts.proxied }],
    spec: { externalTrafficPolicy: 'Local' },
  })
  const address = await services.addressOf('moving', signal)
  const key = `tcp/${address}:7010`
  const up = [first, second].map(({ addresses }) => `${addresses.v4} up`)
  equal(hostOf((await traffic.sight(address, 7010, signal)).client), client.v4)
  await untilTargets(scenario, key, ...up)
  const probe = startProbe(lab, 'moving', [`http://${address}:7010/`], 0)
  cleanUp(async (late) => probe.stop(late))
  const startMs = Date.now()
  // Whoever watches the node over the API server sees nothing of this for a long time.
  cleanUp(async (late) => first.start('kube-proxy', late))
  await first.stop('kube-proxy', signal)
  await untilTargets(scenario, key, `${first.addresses.v4} down`, `${second.addresses.v4} up`)
  equal((await traffic.sight(address, 7010, signal)).node, second.name)
  await first.start('kube-proxy', signal)
  await untilTargets(scenario, key, ...up)
  await deletePods(lab, [podOn(first.name)], signal)
  await untilTargets(scenario, key, `${second.addresses.v4} up`)
  await probe.steadySince(startMs, signal)
}

const LINES = 120

async function drainsNode(scenario: Scenario): Promise<void> {
  const { create, cleanUp, services, traffic, lab, signal } = scenario
  const { spec } = await create({
    name: 'transfer-haproxy',
    app: 'seer',
    annotations: inClass,
    ports: [{ port: 7003, targetPort: seerPorts.plain }],
    // The pod that answers is on the node that the proxy chose.
    spec: { externalTrafficPolicy: 'Local' },
  })
  const address = await services.addressOf('transfer-haproxy', signal)
  await traffic.answers(address, 7003, '/', signal)
  const url = `http://${address}:7003/stream?lines=${LINES}`
  const transfer = lab.inNamespace('client', ['curl', '-sS', '-N', '-m', '60', url], signal)
  const carrier = await carrierOf(scenario, spec.ports[0]?.nodePort ?? 0)
  cleanUp(async (late) => void (await lab.kubectl(['uncordon', carrier], late)))
  await lab.kubectl(['cordon', carrier], signal)
  const states = lab.addresses.map(({ name, v4 }) => `${v4} ${name === carrier ? 'draining' : 'up'}`)
  await untilTargets(scenario, `tcp/${address}:7003`, ...states.toSorted())
  for (let times = 0; times < 12; times++) {
    const { node } = await traffic.sight(address, 7003, signal)
    ok(node !== carrier, `${carrier} is given no new connections`)
  }
  const { code, stdout, stderr } = await transfer
  equal(code, 0, stderr)
  deepEqual(
    stdout.trim().split('\n'),
    Array.from({ length: LINES }, (_, index) => `${index + 1} ${carrier}`),
  )
}

/** The node through which a connection to this node port goes, as the sockets of the machine show. */
async function carrierOf({ lab, signal }: Scenario, nodePort: number): Promise<string> {
  const probe = async (limit: AbortSignal) => {
    const { stdout } = await lab.inNamespace('edge', ['ss', '-Htn', 'state', 'established'], limit)
    return lab.addresses.find(({ v4 }) => new RegExp(`${v4}:${nodePort}\\b`).test(stdout))?.name
  }
  return waitFor('the transfer to begin', probe, { timeoutMs: 5_000, intervalMs: 50 }, signal)
}
