/** In place of kube-proxy and pods: on each node's address the node ports of all Services answer, and say whose they are. */
import { createServer, type Server } from 'node:http'
import type { SecureContext } from 'node:tls'
import { type Backend, startTcpBackend } from '../contract/backends.ts'
import type { ServiceObject } from './cluster.ts'
import type { World, WorldNode } from './world.ts'

const KUBE_PROXY_HEALTH = 10_256

export interface Targets {
  /** Opens what is new. What is gone stays open until `prune`, as pods stay that have yet to end; a port that has another owner changes at once. */
  follow(world: World, services: readonly ServiceObject[]): Promise<void>
  prune(): Promise<void>
  close(): Promise<void>
}

interface Open {
  readonly says: string
  close(): Promise<void>
}

interface Wanted {
  readonly says: string
  readonly open: () => Promise<{ close(): Promise<void> }>
}

export function createTargets(secureContext: SecureContext): Targets {
  const open = new Map<string, Open>()
  let wanted: ReadonlyMap<string, Wanted> = new Map()
  return {
    follow: async (world, services) => {
      const served = services.flatMap((one) =>
        world.nodes.flatMap((node) => socketsOf(one, node, world, secureContext)),
      )
      wanted = new Map([...world.nodes.map(kubeProxy), ...served])
      for (const [key, { says, open: start }] of wanted) {
        const known = open.get(key)
        if (known?.says === says) continue
        await known?.close()
        open.delete(key)
        const started = await start()
        open.set(key, { says, close: () => started.close() })
      }
    },
    prune: async () => {
      for (const [key, one] of open) {
        if (wanted.has(key)) continue
        open.delete(key)
        await one.close()
      }
    },
    close: async () => {
      await Promise.all([...open.values()].map((one) => one.close()))
    },
  }
}

function kubeProxy({ address }: WorldNode): readonly [string, Wanted] {
  return [
    `${address}:${KUBE_PROXY_HEALTH}`,
    { says: 'healthy', open: () => startHealth(address, KUBE_PROXY_HEALTH, 200) },
  ]
}

function socketsOf(
  { metadata, spec }: ServiceObject,
  node: WorldNode,
  world: World,
  secureContext: SecureContext,
): readonly (readonly [string, Wanted])[] {
  const { name } = metadata
  const { address } = node
  const isLocal = spec.externalTrafficPolicy === 'Local'
  const hasPods = world.services.find((one) => one.name === name)?.pods.includes(node.name) === true
  const ports = (spec.ports ?? []).flatMap(({ nodePort }) => nodePort ?? [])
  const answers = ports.map((port) => {
    const start = (): Promise<Backend> => startTcpBackend(name, { address, port }, secureContext)
    return [`${address}:${port}`, { says: name, open: start }] as const
  })
  const health = spec.healthCheckNodePort ?? 0
  const code = hasPods ? 200 : 503
  const check = [
    `${address}:${health}`,
    { says: `${name} ${code}`, open: () => startHealth(address, health, code) },
  ] as const
  // Under Local kube-proxy drops what comes to a node without pods.
  return [...(isLocal && !hasPods ? [] : answers), ...(health > 0 ? [check] : [])]
}

async function startHealth(address: string, port: number, code: number): Promise<{ close(): Promise<void> }> {
  const server: Server = createServer((_, answer) => void answer.writeHead(code).end())
  await new Promise<void>((done, reject) => server.once('error', reject).listen(port, address, done))
  return {
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}
