/** A proxy program with `fairway edge` beside it. */
import { join } from 'node:path'
import type { Lab } from '../lab/lab.ts'
import { acceptInvitation, edgeAccess, mountSecret, prepareEdge } from '../lab/proxy-edge.ts'
import { bringProgram, type ProgramName, prepareProgram } from '../lab/proxy-programs.ts'
import { CLUSTER, configOf, type DemoProxy, NAME, type ProxyKind } from './proxy.ts'
import { say, showCommand } from './show.ts'

const TABLE = `/v1/tables/${CLUSTER}/public`
/** Where an operator in a pod has the Secret of the proxy. */
const MOUNTED = `/etc/fairway/${NAME}`

interface EdgeKind extends Pick<DemoProxy, 'proxyProtocol'> {
  readonly program: ProgramName
  /** As its makers write it. */
  readonly title: string
  /** Where it is from. */
  readonly origin: string
}

/** The demo with one of the programs that an edge can work. */
export function edgeWith(kind: EdgeKind): ProxyKind {
  return {
    what: `${kind.title} with fairway edge beside it`,
    prepare: async (signal) => bringProgram(kind.program, signal),
    start: async (lab, signal) => startDemo(lab, kind, signal),
  }
}

async function startDemo(lab: Lab, kind: EdgeKind, signal: AbortSignal): Promise<DemoProxy> {
  const { program, title, origin, proxyProtocol } = kind
  const proxy = await prepareProgram(lab, program, program, signal)
  const machine = prepareEdge(lab, [proxy])
  say(
    `Outside stands ${title} ${origin}. \`fairway edge\` beside it takes in what clusters ask for. It is told of this one, and the cluster\ngets a Secret with what it needs to be let in:`,
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
    proxyProtocol,
    values: { extraVolumes: [volume], extraVolumeMounts: [{ name: NAME, mountPath: MOUNTED, readOnly: true }] },
    show: async (limit) => {
      const lines = describeTargets(await ask(limit))
      showCommand(`curl …${TABLE}/health      # where ${title} leads, as the edge tells, shortened`, lines.join('\n'))
      return lines
    },
    leadsTo: async (node, limit) => (await ask(limit)).some(({ address }) => address === node),
    looks: [
      `${proxy.look}      # what the edge has ${title} do`,
      `tail -f ${machine.edge.logFile} ${proxy.unit.logFile}`,
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
  if (code !== 0) throw new Error(`the edge does not tell where the proxy leads: ${stderr}`)
  return (JSON.parse(stdout) as { readonly targets: readonly Target[] }).targets
}

function describeTargets(targets: readonly Target[]): readonly string[] {
  const byKey = Map.groupBy(targets, ({ key }) => key)
  return [...byKey].map(([key, list]) => {
    const places = list.map(({ address, port, state }) => `${address}:${port} ${state}`)
    return `${key}  →  ${places.toSorted().join('   ')}`
  })
}
