/** A Service with a TCP and a UDP port of the same number, behind an edge with each program. One lab for the whole run. */
import { deepEqual, equal } from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { client } from '../lab/addresses.ts'
import { toStderr } from '../lab/progress.ts'
import { waitFor } from '../lab/wait.ts'
import { caddy, type EngineKind, envoy, haproxyAlone, haproxyAndNginx, nginx } from './engines-config.ts'
import { describeEngine, type EnginesWorld, startEngines } from './engines-world.ts'
import { hostOf, startProbe } from './traffic.ts'
import { seerPorts, udpPort } from './workloads.ts'

// Another lab may have to end first, and the image to be built.
const STARTS_WITHIN_MS = 1_500_000
const TAKES_AT_MOST_MS = 120_000
const PORT = 53
/** A node that is asked for its health before its kube-proxy knows of a new Service is left out until two later checks, ten seconds, have passed. */
const WITHIN = { timeoutMs: 30_000, intervalMs: 100 } as const
/** So many answers in a row without one of a node: it gets nothing any more. */
const ENOUGH = 9
const EXCLUDED = 'node.kubernetes.io/exclude-from-external-load-balancers'

const ABLE = [nginx, envoy, caddy, haproxyAndNginx] as const

let world: EnginesWorld | undefined
const ending = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => ending.abort(new Error(`ended by ${name}`)))

before(
  async () => {
    world = await startEngines([...ABLE, haproxyAlone], toStderr, ending.signal)
  },
  { timeout: STARTS_WITHIN_MS },
)

after(
  async () => {
    await world?.stop(AbortSignal.timeout(90_000))
  },
  { timeout: 120_000 },
)

for (const kind of ABLE) engineTest(kind, 'serves a Service with 53/TCP and 53/UDP, and follows its nodes', servesBoth)
engineTest(haproxyAlone, 'refuses 53/UDP by name, and serves the 53/TCP beside it', refusesUdp)

interface Scenario extends EnginesWorld {
  readonly kind: EngineKind
  readonly signal: AbortSignal
}

function engineTest(kind: EngineKind, what: string, body: (scenario: Scenario) => Promise<void>): void {
  const title = `an edge with ${kind.programs.join(' for TCP and ')}${kind.programs.length > 1 ? ' for UDP' : ''}`
  test(`${title} ${what}`, { timeout: 2 * TAKES_AT_MOST_MS }, async () => {
    if (world === undefined) throw new Error('the lab did not start')
    const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(TAKES_AT_MOST_MS)])
    try {
      await body({ ...world, kind, signal })
    } catch (error) {
      process.stderr.write(await describeEngine(world, kind))
      throw error
    }
  })
}

/** Pods are where their node is chosen by the proxy alone. */
async function createDns({ services, kind, signal }: Scenario): Promise<void> {
  const { name, proxyProtocol } = kind
  await services.create(
    {
      name,
      app: 'dns',
      annotations: { 'fairway.dev/class': name, 'fairway.dev/proxy-protocol': `tcp-${PORT}=${proxyProtocol}` },
      ports: [
        { port: PORT, targetPort: seerPorts.proxied },
        { port: PORT, targetPort: udpPort, protocol: 'UDP' },
      ],
      spec: { externalTrafficPolicy: 'Local' },
    },
    signal,
  )
}

async function servesBoth(scenario: Scenario): Promise<void> {
  const { services, traffic, lab, kind, signal } = scenario
  const { name, address, mostLost } = kind
  await createDns(scenario)
  deepEqual(await services.addressesOf(name, signal), [address])
  deepEqual((await services.get(name, signal)).status.loadBalancer.ingress, [{ ip: address, ipMode: 'Proxy' }])
  equal(hostOf((await traffic.sight(address, PORT, signal)).client), client.v4)
  const [first = '', second = '', third = ''] = lab.addresses.map((node) => node.name)
  const ways = await waysOf(scenario)
  for (const way of ways) await answersOf(way, [first, second, third], signal)
  const probe = startProbe(lab, `probe-${name}`, [`http://${address}:${PORT}/`], mostLost)
  const startMs = Date.now()
  await lab.kubectl(['label', 'node', third, `${EXCLUDED}=true`], signal)
  try {
    for (const way of ways) await answersOf(way, [first, second], signal)
  } finally {
    await lab.kubectl(['label', 'node', third, `${EXCLUDED}-`], ending.signal)
  }
  for (const way of ways) await answersOf(way, [first, second, third], signal)
  await probe.steadySince(startMs, signal)
  await probe.stop(signal)
  await services.remove(name, signal)
  await traffic.refused(address, PORT, signal)
  await traffic.unanswered(address, PORT, signal)
  // Envoy has kept the socket for datagrams: it is no obstacle for who comes next.
  await createDns(scenario)
  for (const way of ways) await answersOf(way, [first, second, third], signal)
}

/** Asks once; gives the node that has answered. */
type Way = (signal: AbortSignal) => Promise<string>

async function waysOf({ traffic, lab, kind: { address }, signal }: Scenario): Promise<readonly Way[]> {
  const columns = '-o=custom-columns=NAME:.metadata.name,NODE:.spec.nodeName'
  const lines = await lab.kubectl(['-n', 'e2e', 'get', 'pods', '-l', 'app=dns', columns, '--no-headers'], signal)
  const nodeOf = new Map(lines.split('\n').map((line) => line.split(/\s+/) as [string, string]))
  return [
    async (limit) => (await traffic.sight(address, PORT, limit)).node,
    async (limit) => nodeOf.get(await traffic.datagram(address, PORT, 'hostname', limit)) ?? 'nobody known',
  ]
}

/** Waits until these nodes answer, all of them and no others. */
async function answersOf(way: Way, nodes: readonly string[], signal: AbortSignal): Promise<void> {
  let last: readonly string[] = []
  const probe = async (limit: AbortSignal) => {
    const seen = new Set<string>()
    for (let times = 0; times < ENOUGH; times++) seen.add(await way(limit))
    last = [...seen].toSorted()
    return last.join() === nodes.join()
  }
  await waitFor(`answers of ${nodes.join(', ')} alone`, probe, WITHIN, signal).catch((error: Error) => {
    throw new Error(`${error.message}; there were answers of ${last.join(', ')}`)
  })
}

async function refusesUdp(scenario: Scenario): Promise<void> {
  const { services, traffic, kind, signal } = scenario
  const { name, address } = kind
  await createDns(scenario)
  const says = [/Service e2e\/haproxy asks for protocol UDP on port 53\/UDP, which proxy haproxy cannot do/, /Use TCP/]
  await services.warningOf(name, { reason: 'Unsupported', says }, signal)
  equal(await services.addressOf(name, signal), address)
  deepEqual((await services.get(name, signal)).status.loadBalancer.ingress?.[0]?.ports, [
    { port: PORT, protocol: 'TCP' },
    { port: PORT, protocol: 'UDP', error: 'fairway.dev/Unsupported' },
  ])
  equal(hostOf((await traffic.sight(address, PORT, signal)).client), client.v4)
}
