/** Standard fields of a Service do what Kubernetes says they do: whom a frontend lets in, and where it leads. */
import { deepEqual, equal, match } from 'node:assert/strict'
import { client, otherClient } from '../lab/addresses.ts'
import { waitFor } from '../lab/wait.ts'
import { addresses } from './config.ts'
import { dialsOf, serverKey } from './edge.ts'
import { webPort } from './objects.ts'
import type { Scenario, Scenarios } from './scenario.ts'
import { createTraffic, hostOf, startProbe } from './traffic.ts'
import { applyAll, deletePods, podsReady, seerPod, seerPorts } from './workloads.ts'

export function policies(scenario: Scenarios): void {
  scenario('externalTrafficPolicy Local: nodes with ready pods only, and nobody waits while pods move', followsPods)
  scenario('loadBalancerSourceRanges: who is named is served, and nobody else', async (one) =>
    limitSources(one, 'public'),
  )
  scenario('sessionAffinity ClientIP: a client finds its pod again', sticks)
  scenario('without node ports the targets are pods, where the class allows them', leadsToPods)
}

function podOn(node: string): string {
  return `roamer-${node}`
}

const MOVES_WITHIN = { timeoutMs: 15_000, intervalMs: 50 } as const

async function followsPods({ create, cleanUp, services, edge, traffic, lab, signal }: Scenario): Promise<void> {
  const [first = '', second = '', third = ''] = lab.addresses.map(({ name }) => name)
  const start = async (...nodes: readonly string[]) => {
    await applyAll(
      lab,
      nodes.map((node) => seerPod(podOn(node), 'roamer', node)),
      signal,
    )
    await podsReady(lab, nodes.map(podOn), signal)
  }
  cleanUp(async (late) => deletePods(lab, [first, second, third].map(podOn), late))
  await start(first, second)
  const { spec } = await create({
    name: 'roams',
    app: 'roamer',
    annotations: { 'fairway.dev/class': 'public', 'fairway.dev/proxy-protocol': 'v2' },
    ports: [{ port: 7010, targetPort: seerPorts.proxied }],
    spec: { externalTrafficPolicy: 'Local' },
  })
  const address = await services.addressOf('roams', signal)
  const nodePort = spec.ports[0]?.nodePort
  const dialled = async (...nodes: readonly string[]) => {
    const wanted = lab.addresses.filter(({ name }) => nodes.includes(name)).map(({ v4 }) => `${v4}:${nodePort}`)
    const probe = async (limit: AbortSignal) => {
      const dials = dialsOf((await edge.servers(limit))[serverKey('public', 'tcp', address, 7010)])
      return dials.join() === wanted.join()
    }
    await waitFor(`${nodes.join(' and ')} alone to be dialled`, probe, MOVES_WITHIN, signal)
  }
  await dialled(first, second)
  equal(hostOf((await traffic.sight(address, 7010, signal)).client), client.v4)
  deepEqual(await nodesThatAnswer(traffic, address, 2, signal), [first, second])
  const probe = startProbe(lab, 'roams', [`http://${address}:7010/`])
  cleanUp(async (late) => probe.stop(late))
  const startMs = Date.now()
  await deletePods(lab, [podOn(first)], signal)
  await dialled(second)
  await start(third)
  await dialled(second, third)
  await deletePods(lab, [podOn(second)], signal)
  await dialled(third)
  await probe.steadySince(startMs, signal)
  deepEqual(await nodesThatAnswer(traffic, address, 1, signal), [third])
  equal(hostOf((await traffic.sight(address, 7010, signal)).client), client.v4)
  // What would have become of those who were led to a node without pods.
  const astray = `http://${lab.addresses[0]?.v4}:${nodePort}/`
  // A pod that is ending may be led to until it has ended (KEP-1669).
  const isTurnedAway = async (limit: AbortSignal) =>
    (await lab.inNamespace('edge', ['curl', '-s', '-m', '1', astray], limit)).code !== 0
  await waitFor(`${first} to serve nobody any more`, isTurnedAway, MOVES_WITHIN, signal)
}

/** The nodes of the pods that answer, sorted; asks until there are so many. */
async function nodesThatAnswer(
  traffic: Scenario['traffic'],
  address: string,
  count: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const seen = new Set<string>()
  for (let tries = 0; tries < 40 && (seen.size < count || tries < 5); tries++)
    seen.add((await traffic.sight(address, 7010, signal)).node)
  return [...seen].toSorted()
}

function only(v4: string): Readonly<Record<string, unknown>> {
  return { loadBalancerSourceRanges: [`${v4}/32`, '2001:db8:ffff::/48'] }
}

/** What a Service of a class makes of its source ranges. */
export async function limitSources(
  { create, services, traffic, lab, signal }: Scenario,
  className: string,
): Promise<void> {
  const other = createTraffic(lab, otherClient.v4)
  const annotations = { 'fairway.dev/class': className }
  await create({ name: 'limited', annotations, ports: webPort(121), spec: only(client.v4) })
  const address = await services.addressOf('limited', signal)
  match(await traffic.answers(address, 121, '/hostname', signal), /^web-/)
  await other.turnedAway(address, 121, signal)
  await services.patch('limited', { spec: only(otherClient.v4) }, signal)
  match(await other.answers(address, 121, '/hostname', signal), /^web-/)
  await traffic.turnedAway(address, 121, signal)
  await services.patch('limited', { spec: { loadBalancerSourceRanges: null } }, signal)
  for (const one of [traffic, other]) match(await one.answers(address, 121, '/hostname', signal), /^web-/)
}

async function sticks({ create, services, traffic, lab, signal }: Scenario): Promise<void> {
  await create({
    name: 'sticks',
    app: 'seer',
    ports: [{ port: 7011, targetPort: seerPorts.plain }],
    spec: {
      // The pod that answers is on the node that the proxy chose: kube-proxy, to which all clients are the edge, has no choice.
      externalTrafficPolicy: 'Local',
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 600 } },
    },
  })
  const address = await services.addressOf('sticks', signal)
  for (const one of [traffic, createTraffic(lab, otherClient.v4)]) {
    const seen = [await one.sight(address, 7011, signal)]
    while (seen.length < 20) seen.push(await one.sight(address, 7011, signal))
    equal(new Set(seen.map(({ node }) => node)).size, 1, JSON.stringify(seen))
  }
}

async function leadsToPods({ create, services, edge, traffic, lab, signal }: Scenario): Promise<void> {
  const spec = { allocateLoadBalancerNodePorts: false }
  const created = await create({
    name: 'to-pods',
    annotations: { 'fairway.dev/class': 'strict' },
    ports: webPort(122),
    spec,
  })
  equal(created.spec.ports[0]?.nodePort, undefined)
  equal(await services.addressOf('to-pods', signal), addresses.strict)
  const columns = '-o=custom-columns=IP:.status.podIP'
  const pods = await lab.kubectl(['-n', 'e2e', 'get', 'pods', '-l', 'app=web', columns, '--no-headers'], signal)
  const server = (await edge.servers(signal))[serverKey('strict', 'tcp', addresses.strict, 122)]
  deepEqual(
    dialsOf(server).toSorted(),
    pods
      .trim()
      .split('\n')
      .map((ip) => `${ip}:8080`)
      .toSorted(),
  )
  await traffic.answers(addresses.strict, 122, '/hostname', signal)
  const names = await traffic.different(addresses.strict, 122, '/hostname', lab.nodes.length, signal)
  equal(names.length, lab.nodes.length)
  // Class `public` says nowhere that pods may be targets.
  const remedy = /pods\.cidrs/
  await create({ name: 'no-way', ports: webPort(123), spec })
  const missing = [/e2e\/no-way/, /123\/TCP/, remedy]
  await services.warningOf('no-way', { reason: 'NodePortMissing', says: missing }, signal)
  const annotations = { 'fairway.dev/class': 'public', 'fairway.dev/targets': 'pods' }
  await create({ name: 'not-to-pods', annotations, ports: webPort(124) })
  await services.warningOf('not-to-pods', { reason: 'Unsupported', says: [/e2e\/not-to-pods/, remedy] }, signal)
}
