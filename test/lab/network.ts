/** The lab's namespaces, links, addresses and routes: addresses.ts draws the map. */
import {
  client,
  controlPlane,
  edge,
  host,
  labNet,
  maxNodes,
  type NodeAddresses,
  netnsName,
  netnsPath,
  nodeAddresses,
  otherClient,
  podNet,
  publicNet,
  publicNetOnHost,
  publicV4,
  publicV6,
  serviceNet,
} from './addresses.ts'
import { type ProcessRecord, recordOf, run, stopProcesses, tryRun } from './process.ts'

const hostLink = 'fairway-lab'
const hostRanges = [labNet, publicNetOnHost, podNet, serviceNet].flatMap((net) => [net.v4, net.v6])

/** Builds everything; whatever of an earlier run is left must have been removed by networkDown. */
export async function networkUp(nodes: readonly NodeAddresses[], signal: AbortSignal): Promise<void> {
  await refuseOverlap(signal)
  for (const name of ['cp', 'edge', 'client', ...nodes.map((node) => node.name)]) await addNamespace(name, signal)
  await addControlPlane(nodes, signal)
  for (const node of nodes) await addNode(node, nodes, signal)
  await addEdge(nodes, signal)
  await addClient(signal)
  await addHost(signal)
}

/** Removes everything, and ends what still runs inside; gives no error for what is not there. */
export async function networkDown(signal: AbortSignal): Promise<void> {
  const names = ['client', 'edge', ...nodeAddresses(maxNodes).map((node) => node.name), 'cp']
  const present = new Set(
    (await run(['ip', 'netns', 'list'], {}, signal)).split('\n').map((line) => line.split(' ')[0]),
  )
  const ours = names.filter((name) => present.has(netnsName(name)))
  const running: ProcessRecord[] = []
  for (const name of ours) running.push(...(await processesIn(name, signal)))
  await stopProcesses(running, 0, signal)
  await tryRun(['ip', 'link', 'del', hostLink], {}, signal)
  for (const name of ours) await run(['ip', 'netns', 'del', netnsName(name)], {}, signal)
}

/** The command line that runs ARGV with the namespace's network and everything else of the machine. */
export function enterNamespace(namespace: string, argv: readonly string[]): string[] {
  // Not "ip netns exec": that mounts a new /sys, which hides the cgroups.
  return ['nsenter', `--net=${netnsPath(namespace)}`, '--', ...argv]
}

async function processesIn(namespace: string, signal: AbortSignal): Promise<ProcessRecord[]> {
  const { stdout } = await tryRun(['ip', 'netns', 'pids', netnsName(namespace)], {}, signal)
  const pids = stdout.split('\n').filter(Boolean).map(Number)
  return pids.map(recordOf).filter((record) => record !== undefined)
}

/** A machine whose own network uses these ranges would be cut off from it. */
async function refuseOverlap(signal: AbortSignal): Promise<void> {
  for (const range of hostRanges) {
    const { stdout } = await tryRun(['ip', 'route', 'show', 'root', range], {}, signal)
    if (stdout.trim())
      throw new Error(`The lab uses ${range}, which this machine has a route for: ${stdout.trim().split('\n')[0]}`)
  }
}

async function addNamespace(name: string, signal: AbortSignal): Promise<void> {
  await run(['ip', 'netns', 'add', netnsName(name)], {}, signal)
  const settings = [
    'net.ipv4.ip_forward=1', // the client has no route, so the edge forwards nothing of its; it answers "unreachable" at once
    'net.ipv4.conf.all.send_redirects=0', // they go through one bridge, and the routes are meant as they are
    'net.ipv4.conf.default.send_redirects=0',
    'net.ipv4.conf.all.rp_filter=0',
    'net.ipv4.conf.all.route_localnet=1',
    'net.ipv4.icmp_ratelimit=0', // every packet to nowhere is answered, not one a second
    'net.ipv6.icmp.ratelimit=0',
    'net.ipv6.conf.all.disable_ipv6=0',
    'net.ipv6.conf.default.disable_ipv6=0',
    'net.ipv6.conf.all.accept_dad=0',
    'net.ipv6.conf.default.accept_dad=0',
    'net.ipv6.conf.all.forwarding=1',
  ]
  await run(enterNamespace(name, ['sysctl', '-qw', ...settings]), {}, signal)
  await batch(name, ['link set lo up'], signal)
}

async function addControlPlane(nodes: readonly NodeAddresses[], signal: AbortSignal): Promise<void> {
  await batch(
    'cp',
    [
      'link add br0 type bridge mcast_snooping 0',
      `addr add ${controlPlane.v4}/24 dev br0`,
      `addr add ${controlPlane.v6}/64 dev br0 nodad`,
      'link set br0 up',
      ...nodes.map((node) => joinBridge(node.name)),
      joinBridge('edge'),
      ...['edge', ...nodes.map((node) => node.name)].map((name) => `link set v-${name} master br0 up`),
      ...podRoutes(nodes),
      ...publicRoutes(),
      ...[podNet, serviceNet].flatMap(unreachable),
    ],
    signal,
  )
}

function joinBridge(namespace: string): string {
  return `link add v-${namespace} type veth peer name eth0 netns ${netnsName(namespace)}`
}

async function addNode(node: NodeAddresses, nodes: readonly NodeAddresses[], signal: AbortSignal): Promise<void> {
  await batch(
    node.name,
    [
      ...addressesOnBridge(node),
      ...podRoutes(nodes.filter((other) => other !== node)),
      ...publicRoutes(),
      ...unreachable(podNet),
      // A cluster IP needs some route before kube-proxy may rewrite it; cp answers for those that nobody has.
      `route add default via ${controlPlane.v4}`,
      `route add ::/0 via ${controlPlane.v6}`,
    ],
    signal,
  )
}

async function addEdge(nodes: readonly NodeAddresses[], signal: AbortSignal): Promise<void> {
  await batch(
    'edge',
    [
      ...addressesOnBridge(edge),
      ...podRoutes(nodes),
      `link add pub type veth peer name eth0 netns ${netnsName('client')}`,
      'link set pub up',
      ...publicV4.map((address) => `addr add ${address}/24 dev pub`),
      ...publicV6.map((address) => `addr add ${address}/64 dev pub nodad`),
    ],
    signal,
  )
}

async function addClient(signal: AbortSignal): Promise<void> {
  // Connections begin at the first IPv4 address, and at no IPv6 address that is not preferred.
  const lines = [
    `addr add ${client.v4}/24 dev eth0`,
    `addr add ${otherClient.v4}/24 dev eth0`,
    `addr add ${otherClient.v6}/64 dev eth0 nodad preferred_lft 0`,
    `addr add ${client.v6}/64 dev eth0 nodad`,
    'link set eth0 up',
  ]
  await batch('client', lines, signal)
}

/** One link into the host, so that whatever runs there reaches API server, nodes, pods and edge, and they reach it. */
async function addHost(signal: AbortSignal): Promise<void> {
  await run(
    ['ip', 'link', 'add', hostLink, 'type', 'veth', 'peer', 'name', 'v-host', 'netns', netnsName('cp')],
    {},
    signal,
  )
  await batch('cp', ['link set v-host master br0 up'], signal)
  await batch(
    undefined,
    [
      `addr add ${host.v4}/24 dev ${hostLink}`,
      `addr add ${host.v6}/64 dev ${hostLink} nodad`,
      `link set ${hostLink} up`,
      ...publicRoutes(publicNetOnHost),
      ...[podNet, serviceNet].flatMap((net) => [
        `route add ${net.v4} via ${controlPlane.v4}`,
        `route add ${net.v6} via ${controlPlane.v6}`,
      ]),
    ],
    signal,
  )
}

function addressesOnBridge(own: { readonly v4: string; readonly v6: string }): string[] {
  return [`addr add ${own.v4}/24 dev eth0`, `addr add ${own.v6}/64 dev eth0 nodad`, 'link set eth0 up']
}

function podRoutes(nodes: readonly NodeAddresses[]): string[] {
  return nodes.flatMap((node) => [
    `route add ${node.pods.v4} via ${node.v4}`,
    `route add ${node.pods.v6} via ${node.v6}`,
  ])
}

function publicRoutes(net: { readonly v4: string; readonly v6: string } = publicNet): string[] {
  return [`route add ${net.v4} via ${edge.v4}`, `route add ${net.v6} via ${edge.v6}`]
}

function unreachable(net: { readonly v4: string; readonly v6: string }): string[] {
  return [`route add unreachable ${net.v4}`, `route add unreachable ${net.v6}`]
}

/** Many ip commands in one process, in a namespace or, without one, on the host. */
async function batch(namespace: string | undefined, lines: readonly string[], signal: AbortSignal): Promise<void> {
  const where = namespace ? ['-n', netnsName(namespace)] : []
  await run(['ip', ...where, '-batch', '-'], { input: `${lines.join('\n')}\n` }, signal)
}
