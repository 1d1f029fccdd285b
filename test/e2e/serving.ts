/** From Services to traffic: addresses, ports, protocols and classes. */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { waitFor } from '../lab/wait.ts'
import { addresses, alias } from './config.ts'
import { dialsOf, listeningSockets, serverKey } from './edge.ts'
import { operatorPods, release } from './install.ts'
import { webPort } from './objects.ts'
import type { Scenario, Scenarios } from './scenario.ts'

export function serving(scenario: Scenarios): void {
  scenario('the operator runs in its pod, with the image of the Dockerfile and the account of the chart', runsInPod)
  scenario('a LoadBalancer Service gets an address of the pool, with ipMode Proxy', getsAddress)
  scenario('a client outside reaches pods on all nodes', reachesPods)
  scenario('a second Service on other ports shares the address', sharesAddress)
  scenario('a NodePort Service with the class annotation is served, and carries its address', servesNodePort)
  scenario('UDP is served', servesUdp)
  scenario('classes: by annotation, by loadBalancerClass, by alias, and by default', choosesClass)
  scenario('a deleted Service: its port is closed, its finalizer gone', releases)
}

async function runsInPod({ lab, services, signal }: Scenario): Promise<void> {
  const pods = await operatorPods(lab, signal)
  equal(pods.length, 1)
  equal(pods[0]?.spec.containers[0]?.image, 'docker.io/lab/fairway:dev')
  const account = pods[0]?.spec.serviceAccountName ?? ''
  equal(account, 'fairway')
  const may = async (...args: string[]) => {
    const as = `--as=system:serviceaccount:${release.namespace}:${account}`
    const argv = ['auth', 'can-i', ...args, as, '-A', '-q']
    return lab.kubectl(argv, signal).then(
      () => true,
      () => false,
    )
  }
  equal(await may('patch', 'services', '--subresource=status'), true)
  for (const verb of ['create', 'update', 'patch', 'delete']) equal(await may(verb, 'services'), false, verb)
  equal(await may('list', 'secrets'), false)
  const { metadata } = await services.get('steady', signal)
  ok(
    metadata.managedFields?.some(({ manager }) => manager === 'fairway'),
    'it writes under its own name',
  )
}

async function getsAddress({ create, services, edge, signal }: Scenario): Promise<void> {
  await create({ name: 'first', ports: webPort(81) })
  const address = await services.addressOf('first', signal)
  const { metadata, status } = await services.get('first', signal)
  deepEqual(status.loadBalancer.ingress, [{ ip: addresses.publicFirst, ipMode: 'Proxy' }])
  deepEqual(metadata.finalizers, ['fairway.dev/cleanup'])
  deepEqual(status.conditions?.map(({ type, status: is }) => `${type} ${is}`).toSorted(), [
    'fairway.dev/Allocated True',
    'fairway.dev/Programmed True',
  ])
  const server = (await edge.servers(signal))[serverKey('public', 'tcp', address, 81)]
  deepEqual(server?.listen, [`tcp4/${address}:81`])
}

async function reachesPods({ create, services, edge, traffic, lab, signal }: Scenario): Promise<void> {
  const { spec } = await create({ name: 'everywhere', ports: webPort(82) })
  const address = await services.addressOf('everywhere', signal)
  const server = (await edge.servers(signal))[serverKey('public', 'tcp', address, 82)]
  const nodePort = spec.ports[0]?.nodePort
  deepEqual(
    dialsOf(server),
    lab.addresses.map((node) => `${node.v4}:${nodePort}`),
  )
  const columns = '-o=custom-columns=NAME:.metadata.name,NODE:.spec.nodeName'
  const lines = await lab.kubectl(['-n', 'e2e', 'get', 'pods', '-l', 'app=web', columns, '--no-headers'], signal)
  const nodeOf = new Map(lines.split('\n').map((line) => line.split(/\s+/) as [string, string]))
  await traffic.answers(address, 82, '/hostname', signal)
  const names = await traffic.different(address, 82, '/hostname', lab.nodes.length, signal)
  deepEqual(new Set(names.map((name) => nodeOf.get(name))), new Set(lab.nodes.map(({ name }) => name)))
}

async function sharesAddress({ create, services, traffic, signal }: Scenario): Promise<void> {
  await create({ name: 'shares-a', ports: webPort(83) })
  await create({
    name: 'shares-b',
    ports: [...webPort(84), ...webPort(85)],
  })
  const address = await services.addressOf('shares-a', signal)
  equal(await services.addressOf('shares-b', signal), address)
  for (const port of [83, 84, 85]) match(await traffic.answers(address, port, '/hostname', signal), /^web-/)
}

async function servesNodePort({ create, services, traffic, signal }: Scenario): Promise<void> {
  await create({
    name: 'nodeport',
    type: 'NodePort',
    annotations: { 'fairway.dev/class': 'public', 'fairway.dev/ports': 'http=86' },
    ports: [{ name: 'http', port: 8080 }],
  })
  const address = await services.addressOf('nodeport', signal)
  const { metadata, status } = await services.get('nodeport', signal)
  equal(metadata.annotations?.['fairway.dev/external-address'], addresses.publicFirst)
  deepEqual(status.loadBalancer, {})
  match(await traffic.answers(address, 86, '/hostname', signal), /^web-/)
}

async function servesUdp({ create, services, edge, traffic, signal }: Scenario): Promise<void> {
  await create({ name: 'udp', ports: [{ port: 53, targetPort: 8081, protocol: 'UDP' }] })
  const address = await services.addressOf('udp', signal)
  const server = (await edge.servers(signal))[serverKey('public', 'udp', address, 53)]
  deepEqual(server?.listen, [`udp4/${address}:53`])
  match(await traffic.datagram(address, 53, 'hostname', signal), /^web-/)
}

async function choosesClass({ create, services, traffic, signal }: Scenario): Promise<void> {
  const none = { annotations: {} }
  await create({ name: 'by-annotation', ports: webPort(87) })
  await create({ name: 'by-field', ...none, ports: webPort(88), spec: { loadBalancerClass: 'fairway.dev/public' } })
  await create({ name: 'by-alias', ...none, ports: webPort(89), spec: { loadBalancerClass: alias } })
  await create({ name: 'by-default', ...none, ports: webPort(90) })
  await create({ name: 'of-another', ...none, ports: webPort(91), spec: { loadBalancerClass: 'lab.example/another' } })
  for (const [name, port] of [
    ['by-annotation', 87],
    ['by-field', 88],
    ['by-alias', 89],
  ] as const) {
    equal(await services.addressOf(name, signal), addresses.publicFirst, name)
    match(await traffic.answers(addresses.publicFirst, port, '/hostname', signal), /^web-/)
  }
  equal(await services.addressOf('by-default', signal), addresses.standard)
  match(await traffic.answers(addresses.standard, 90, '/hostname', signal), /^web-/)
  const byDefault = await services.get('by-default', signal)
  deepEqual(byDefault.metadata.finalizers, ['service.kubernetes.io/load-balancer-cleanup'])
  const another = await services.get('of-another', signal)
  deepEqual(another.status, { loadBalancer: {} })
  equal(another.metadata.finalizers, undefined)
}

async function releases({ create, services, edge, traffic, lab, signal }: Scenario): Promise<void> {
  await create({ name: 'stays', ports: webPort(92) })
  await create({ name: 'goes', ports: webPort(93) })
  const address = await services.addressOf('goes', signal)
  equal(await services.addressOf('stays', signal), address)
  match(await traffic.answers(address, 93, '/hostname', signal), /^web-/)
  const socket = `tcp ${address}:93`
  ok((await listeningSockets(lab, signal)).includes(socket))
  await traffic.answers(address, 92, '/hostname', signal)
  await services.remove('goes', signal)
  equal(await edge.serverText(serverKey('public', 'tcp', address, 93), signal), undefined)
  await traffic.refused(address, 93, signal)
  const closed = async (limit: AbortSignal) => !(await listeningSockets(lab, limit)).includes(socket)
  await waitFor(`${socket} to be closed`, closed, { timeoutMs: 5_000 }, signal)
  match(await traffic.get(address, 92, '/hostname', signal), /^web-/)
}
