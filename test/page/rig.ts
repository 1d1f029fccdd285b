/** The status page over an operator in memory: its own passes, proxies in memory, and the server that users get. */
import type { AddressInfo } from 'node:net'
import { sourceOf } from '../../src/cli/page.ts'
import type { ServiceObject } from '../../src/kube/objects.ts'
import type { Problem } from '../../src/model/problems.ts'
import type { MakeDriver } from '../../src/operator/classes.ts'
import type { RunningClass } from '../../src/operator/interfaces.ts'
import { createKnowledge, type Knowledge } from '../../src/operator/view.ts'
import { createPageApp, servePage } from '../../src/server/page.ts'
import { type Guard, guardLoopback } from '../../src/server/page-access.ts'
import { readPageFiles } from '../../src/server/page-files.ts'
import { classSpec, node, pool, service } from '../support/builders.ts'
import { createWorld, type World } from '../support/operator-world.ts'

export interface PageWorld {
  readonly world: World
  readonly knowledge: Knowledge
  /** One pass, with what the operator tells about it. */
  pass(): Promise<void>
}

/** A cluster with two proxies, and a page that knows nothing yet. `proxy` endpoints have a password, which the page must not show. */
export function createPageWorld(pools: RunningClass['spec']['pools']): PageWorld {
  const world = createWorld({ proxies: 2, running: { spec: classSpec({ pools }) } })
  const knowledge = createKnowledge(() => Date.now())
  const proxies = world.running.proxies.map((proxy) => {
    const watched = knowledge.watch(() => proxy.driver)
    const request = { proxy: { name: proxy.name }, owner: { className: 'public', cluster: 'lab', uid: 'u' } }
    const driver = watched(request as unknown as Parameters<MakeDriver>[0])
    return { ...proxy, endpoint: `caddy https://admin:secret@${proxy.name}.example:2021/`, driver }
  })
  world.running = { ...world.running, proxies }
  knowledge.configured([world.running])
  const pass = async () => {
    const result = await world.pass()
    const view = { services: () => [...world.services.values()], nodes: () => world.nodes, slicesOf: () => [] }
    knowledge.passed(world.running, result, view)
  }
  return { world, knowledge, pass }
}

export interface Served {
  readonly url: string
  /** Ends it at once, with its connections. */
  close(): void
}

/** Serves the page on a free port of loopback until the signal ends it. */
export async function serveWorld(
  { knowledge }: Pick<PageWorld, 'knowledge'>,
  signal: AbortSignal,
  guard: Guard = guardLoopback,
  isElected = false,
): Promise<Served> {
  const source = sourceOf(knowledge, { cluster: 'lab', isElected, caches: { troubles: () => ({}) } })
  const server = await servePage(createPageApp(source, await readPageFiles(), guard), LOOPBACK, signal)
  const { port } = server.address() as AddressInfo
  const close = () => {
    server.close()
    if ('closeAllConnections' in server) server.closeAllConnections()
  }
  return { url: `http://127.0.0.1:${port}/`, close }
}

const LOOPBACK = { address: '127.0.0.1', port: 0 }

const UNREACHABLE: Problem = {
  code: 'ProxyUnreachable',
  kind: 'transient',
  message: 'proxy edge-2 at https://edge-2.example:2021 cannot be reached: connect ECONNREFUSED',
  remedy: 'Start it, or correct its URL in the configuration',
}

/** Few Services, each with something to show: names, two ports, a cordoned node, a proxy that is away, a pool that is empty. */
export async function smallWorld(): Promise<PageWorld> {
  const page = createPageWorld([pool('main', ['203.0.113.10-203.0.113.11'])])
  const { world } = page
  world.nodes = [
    node('worker-1', ['InternalIP 10.0.0.1']),
    node('worker-2', ['InternalIP 10.0.0.2'], { unschedulable: true }),
    node('worker-3', ['InternalIP 10.0.0.3'], { ready: 'False' }),
  ]
  world.put(
    service('shop/web', { ports: ['80', '443'] }),
    service('mail/postfix', { ports: ['25'], annotations: { sharing: 'dedicated' } }),
  )
  await page.pass()
  await page.pass()
  world.put(
    service('infra/dns', {
      ports: ['53/UDP'],
      annotations: { sharing: 'dedicated' },
      meta: { creationTimestamp: '2026-02-01T00:00:00Z' },
    }),
  )
  const away = world.proxies[1]
  if (away !== undefined) away.broken = UNREACHABLE
  await page.pass()
  return page
}

/** Services with two ports each, 250 frontends to an address. */
export function manyServices(count: number): readonly ServiceObject[] {
  return Array.from({ length: count }, (_, index) => {
    const first = 1_000 + (index % 125) * 2
    return service(`team-${index % 40}/app-${index}`, { ports: [String(first), String(first + 1)] })
  })
}

/** 2,500 Services and 5,000 frontends over 200 nodes. */
export async function largeWorld(): Promise<PageWorld> {
  const page = createPageWorld([pool('main', ['203.0.113.0/24']), pool('six', ['2001:db8::/64'])])
  const { world } = page
  world.nodes = Array.from({ length: 200 }, (_, index) => node(`node-${index}`, [`InternalIP 10.1.${index}.1`]))
  world.put(...manyServices(2_500))
  await page.pass()
  await page.pass()
  return page
}
