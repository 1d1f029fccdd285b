/** What changes under the operator, and that itself changes nothing when it starts anew. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Lab } from '../lab/lab.ts'
import type { ClusterNode } from '../lab/node.ts'
import { waitFor } from '../lab/wait.ts'
import { classesOnEdge1, steady } from './config.ts'
import { dialsOf, type Edge, isWrite, serverKey, serversPath } from './edge.ts'
import { deployment, operatorErrors, operatorPods } from './install.ts'
import { webPort } from './objects.ts'
import type { Scenario, Scenarios } from './scenario.ts'
import { seerPorts } from './workloads.ts'
import { rolledOut } from './world.ts'

export function changes(scenario: Scenarios): void {
  scenario('a deleted node leaves the upstreams while a transfer through another goes on; it returns', followsNodes)
  scenario('a hand edit of what is ours on the proxy is repaired', repairsEdits)
  scenario('a restart of the operator changes nothing, on the proxy or in the cluster', restartsInSilence)
}

const LINES = 300

async function followsNodes(scenario: Scenario): Promise<void> {
  const { create, cleanUp, services, edge, traffic, lab, signal } = scenario
  await create({
    name: 'transfer',
    app: 'seer',
    ports: [{ port: 7003, targetPort: seerPorts.plain }],
    // The pod that answers is on the node that the proxy chose.
    spec: { externalTrafficPolicy: 'Local' },
  })
  const address = await services.addressOf('transfer', signal)
  await traffic.answers(address, 7003, '/', signal)
  const url = `http://${address}:7003/stream?lines=${LINES}`
  let underWay = true
  const transfer = lab.inNamespace('client', ['curl', '-sS', '-N', '-m', '60', url], signal).finally(() => {
    underWay = false
  })
  const carrier = await carrierOf(lab, edge, address, signal)
  const [operator] = await operatorPods(lab, signal)
  const victim = lab.nodes.find(({ name, addresses }) => name !== operator?.spec.nodeName && addresses.v4 !== carrier)
  ok(victim !== undefined)
  const isDialled = async (limit: AbortSignal) => leadsTo(edge, victim.addresses.v4, limit)
  ok(await isDialled(signal))
  cleanUp(async (late) => {
    await bringBack(lab, victim, late)
    await waitFor(`${victim.name} to be dialled again`, isDialled, { timeoutMs: 20_000 }, late)
    await rolledOut(lab, late)
  })
  await lab.kubectl(['delete', 'node', victim.name], signal)
  const gone = async (limit: AbortSignal) => !(await isDialled(limit))
  await waitFor(`${victim.name} to leave the upstreams`, gone, { timeoutMs: 10_000, intervalMs: 50 }, signal)
  const left = dialsOf((await edge.servers(signal))[serverKey('public', 'tcp', address, steady.port)])
  equal(left.length, lab.nodes.length - 1)
  ok(underWay, 'the transfer goes on while the node is gone')
  const { code, stdout, stderr } = await transfer
  equal(code, 0, stderr)
  const lines = stdout.trim().split('\n')
  const [node] = lines[0]?.split(' ').slice(1) ?? []
  deepEqual(
    lines,
    Array.from({ length: LINES }, (_, index) => `${index + 1} ${node}`),
  )
}

/** The node through which the connection to a frontend goes, as the edge's sockets show. */
async function carrierOf(lab: Lab, edge: Edge, address: string, signal: AbortSignal): Promise<string> {
  const server = (await edge.servers(signal))[serverKey('public', 'tcp', address, 7003)]
  const probe = async (limit: AbortSignal) => {
    const { stdout } = await lab.inNamespace('edge', ['ss', '-Htn', 'state', 'established'], limit)
    return dialsOf(server).find((dial) => stdout.includes(dial))
  }
  const dial = await waitFor('the transfer to begin', probe, { timeoutMs: 5_000 }, signal)
  return dial.split(':')[0] ?? ''
}

/** Whether any of the operator's servers leads to a node. */
async function leadsTo(edge: Edge, node: string, signal: AbortSignal): Promise<boolean> {
  const servers = Object.entries(await edge.servers(signal)).filter(([key]) => key.startsWith('fairway.lab.'))
  return servers.flatMap(([, server]) => dialsOf(server)).some((dial) => dial.startsWith(`${node}:`))
}

/** A node whose object was deleted joins again when its kubelet starts. */
async function bringBack(lab: Lab, node: ClusterNode, signal: AbortSignal): Promise<void> {
  for (const program of ['kubelet', 'kube-proxy'] as const) {
    await node.stop(program, signal)
    await node.start(program, signal)
  }
  for (const what of ['create', 'condition=Ready'])
    await lab.kubectl(['wait', `--for=${what}`, `node/${node.name}`, '--timeout=30s'], signal)
}

async function repairsEdits({ create, services, edge, traffic, signal }: Scenario): Promise<void> {
  await create({
    name: 'edited',
    ports: [...webPort(94), ...webPort(95)],
  })
  const address = await services.addressOf('edited', signal)
  const [diverted = '', removed = ''] = [94, 95].map((port) => serverKey('public', 'tcp', address, port))
  const before = await edge.text(serversPath, signal)
  await edge.edit(
    'PATCH',
    `${serversPath}/${diverted}/routes/0/handle/0/upstreams`,
    [{ dial: ['127.0.0.1:8088'] }],
    signal,
  )
  await edge.edit('DELETE', `${serversPath}/${removed}`, undefined, signal)
  const added = { listen: [`${address}:96`], routes: [{ handle: [{ handler: 'echo' }] }] }
  await edge.edit('PUT', `${serversPath}/${serverKey('public', 'tcp', address, 96)}`, added, signal)
  const repaired = async (limit: AbortSignal) => (await edge.text(serversPath, limit)) === before
  await waitFor('the edits to be repaired', repaired, { timeoutMs: 25_000 }, signal)
  for (const port of [94, 95]) ok((await traffic.answers(address, port, '/hostname', signal)).startsWith('web-'))
  await traffic.refused(address, 96, signal)
}

async function restartsInSilence({ create, services, edge, spare, haproxy, lab, signal }: Scenario): Promise<void> {
  await create({ name: 'lasts', ports: webPort(97) })
  await create({ name: 'lasts-nodeport', type: 'NodePort', ports: webPort(98) })
  await create({
    name: 'lasts-refused',
    annotations: { 'fairway.dev/class': 'public', 'fairway.dev/address': '192.0.2.1' },
    ports: webPort(99),
  })
  await services.addressOf('lasts', signal)
  await services.addressOf('lasts-nodeport', signal)
  await services.warningOf('lasts-refused', { reason: 'AddressOutsidePools', says: [] }, signal)
  const [former] = await operatorPods(lab, signal)
  deepEqual(await operatorErrors(lab, signal), [])
  const whole = async () => ({
    edge1: await edge.text('', signal),
    edge2: await spare.edge.text('', signal),
    haproxy: await haproxy.ask('/v1/tables/lab', signal),
    haproxyFile: haproxy.file(),
    services: JSON.stringify(await services.all(signal)),
  })
  const before = await whole()
  const requests = () => [...edge.requests(), ...spare.edge.requests()]
  const writesBefore = requests().filter(isWrite)
  const readsOfEdge = await haproxy.reads(signal)
  await lab.kubectl(['rollout', 'restart', ...deployment], signal)
  await lab.kubectl(['rollout', 'status', ...deployment, '--timeout=60s'], signal)
  const pod = await onlyPod(lab, former?.metadata.name ?? '', signal)
  // The new pod has looked at everything at least twice: at the edge by three requests for each class, while others look there too.
  const looked = async () =>
    edge.requests().filter(({ from, method }) => from === pod && method === 'GET').length >= 2 * classesOnEdge1 &&
    (await haproxy.reads(signal)) >= readsOfEdge + 20
  await waitFor('the new operator to read the proxy', looked, { timeoutMs: 40_000 }, signal)
  deepEqual(await whole(), before)
  deepEqual(requests().filter(isWrite), writesBefore)
}

/** Waits until the former pod is gone; gives the address of the one that is left. */
async function onlyPod(lab: Lab, former: string, signal: AbortSignal): Promise<string> {
  const probe = async (limit: AbortSignal) => {
    const pods = await operatorPods(lab, limit)
    return pods.length === 1 && pods[0]?.metadata.name !== former ? pods[0]?.status.podIP : undefined
  }
  return waitFor('the new pod to be alone', probe, { timeoutMs: 30_000 }, signal)
}
