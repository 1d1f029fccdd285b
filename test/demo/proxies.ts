/** The proxy of the demo, outside the cluster: HAProxy with `fairway edge` beside it, or Caddy. */
import { join } from 'node:path'
import { buildSmallCaddy } from '../lab/build.ts'
import type { Lab } from '../lab/lab.ts'
import { toStderr } from '../lab/progress.ts'
import { startCaddy } from '../lab/proxy-caddy.ts'
import { acceptInvitation, edgeAccess, mountSecret, prepareEdge } from '../lab/proxy-edge.ts'
import { say, showCommand } from './show.ts'

const CLUSTER = 'demo'
const NAME = 'edge-1'
const TABLE = `/v1/tables/${CLUSTER}/public`
/** Where an operator in a pod has the Secret of the proxy. */
const MOUNTED = `/etc/fairway/${NAME}`

export interface DemoProxy {
  /** The configuration of an operator outside the cluster, and of one in it. */
  readonly config: { readonly outside: object; readonly inside: object }
  /** Values of the chart beside `config`. */
  readonly values: Readonly<Record<string, unknown>>
  /** Says what it listens on and where that leads; gives the lines. */
  show(signal: AbortSignal): Promise<readonly string[]>
  /** Whether a node gets connections. */
  leadsTo(node: string, signal: AbortSignal): Promise<boolean>
  /** What else there is to look at, each line a command for a shell. */
  readonly looks: readonly string[]
}

export interface ProxyKind {
  /** What takes long: done while other things are built. */
  prepare(signal: AbortSignal): Promise<void>
  start(lab: Lab, signal: AbortSignal): Promise<DemoProxy>
}

const noProxy = async () => {}

export const proxyKinds = {
  haproxy: { prepare: noProxy, start: startHaproxyDemo },
  caddy: { prepare: async (signal) => void (await buildSmallCaddy(toStderr, signal)), start: startCaddyDemo },
} as const satisfies Readonly<Record<string, ProxyKind>>

/** One class, one pool, one proxy. */
function configOf(access: object): object {
  return {
    cluster: CLUSTER,
    classes: [
      {
        name: 'public',
        pools: [{ name: 'main', addresses: ['203.0.113.10-203.0.113.20'] }],
        proxies: [{ name: NAME, ...access }],
      },
    ],
  }
}

async function startHaproxyDemo(lab: Lab, signal: AbortSignal): Promise<DemoProxy> {
  const machine = prepareEdge(lab)
  say(
    'Outside stands HAProxy from its Debian package. `fairway edge` beside it takes in what clusters ask for. It is told of this one, and the cluster\ngets a Secret with what it needs to be let in:',
  )
  const invitation = await machine.init(CLUSTER, NAME, signal)
  showCommand(`${invitation.command} | kubectl apply -f -`, await acceptInvitation(lab, invitation, signal))
  await machine.start(signal)
  const dir = await mountSecret(lab, `fairway-${NAME}`, signal)
  const volume = { name: NAME, secret: { secretName: `fairway-${NAME}` } }
  const ask = async (limit: AbortSignal) => askHealth(lab, machine.url, dir, limit)
  return {
    config: {
      outside: configOf({ edge: edgeAccess(machine.url, dir) }),
      inside: configOf({ edge: edgeAccess(machine.url, MOUNTED) }),
    },
    values: { extraVolumes: [volume], extraVolumeMounts: [{ name: NAME, mountPath: MOUNTED, readOnly: true }] },
    show: async (limit) => {
      const lines = describeTargets(await ask(limit))
      showCommand(`curl …${TABLE}/health      # where HAProxy leads, as it tells the edge, shortened`, lines.join('\n'))
      return lines
    },
    leadsTo: async (node, limit) => (await ask(limit)).some(({ address }) => address === node),
    looks: [
      `less ${machine.files.configFile}      # what the edge wrote for HAProxy`,
      `tail -f ${machine.edge.logFile} ${machine.haproxy.logFile}`,
    ],
  }
}

interface Target {
  readonly key: string
  readonly address: string
  readonly port: number
  readonly state: string
}

async function askHealth(lab: Lab, url: string, dir: string, signal: AbortSignal): Promise<readonly Target[]> {
  const shell = `curl -sS -f -m 5 --cacert ${join(dir, 'ca.crt')} -H "Authorization: Bearer $(cat ${join(dir, 'token')})" ${url}${TABLE}/health`
  const { code, stdout, stderr } = await lab.inNamespace('edge', ['sh', '-c', shell], signal)
  if (code !== 0) throw new Error(`the edge does not tell where HAProxy leads: ${stderr}`)
  return (JSON.parse(stdout) as { readonly targets: readonly Target[] }).targets
}

function describeTargets(targets: readonly Target[]): readonly string[] {
  const byKey = Map.groupBy(targets, ({ key }) => key)
  return [...byKey].map(([key, list]) => {
    const places = list.map(({ address, port, state }) => `${address}:${port} ${state}`)
    return `${key}  →  ${places.toSorted().join('   ')}`
  })
}

interface Server {
  readonly listen?: readonly string[]
  readonly routes?: readonly {
    readonly handle?: readonly { readonly upstreams?: readonly { readonly dial?: readonly string[] }[] }[]
  }[]
}

async function startCaddyDemo(lab: Lab, signal: AbortSignal): Promise<DemoProxy> {
  say('Outside stands Caddy, which the operator programs over its admin API.')
  const program = await buildSmallCaddy(toStderr, signal)
  const { adminUrl } = await startCaddy(lab, { program }, signal)
  const url = `${adminUrl}/config/apps/layer4/servers`
  const ask = async (limit: AbortSignal) => {
    const { stdout } = await lab.inNamespace('edge', ['curl', '-sS', '-m', '5', url], limit)
    return JSON.parse(stdout) as Readonly<Record<string, Server>>
  }
  const config = configOf({ caddy: { url: adminUrl, insecure: true } })
  return {
    config: { outside: config, inside: config },
    values: {},
    show: async (limit) => {
      const lines = Object.values(await ask(limit)).map(
        (server) => `${(server.listen ?? []).join(' ')}  →  ${dialsOf(server).join('  ')}`,
      )
      showCommand(
        "curl …/config/apps/layer4/servers      # what the proxy's admin API says, shortened",
        lines.join('\n'),
      )
      return lines
    },
    leadsTo: async (node, limit) =>
      Object.values(await ask(limit)).some((server) => dialsOf(server).some((dial) => dial.startsWith(`${node}:`))),
    looks: [`nsenter --net=/run/netns/fairway-edge curl ${url}`],
  }
}

function dialsOf({ routes = [] }: Server): readonly string[] {
  const handlers = routes.flatMap(({ handle = [] }) => handle)
  return handlers.flatMap(({ upstreams = [] }) => upstreams.flatMap(({ dial = [] }) => dial))
}
