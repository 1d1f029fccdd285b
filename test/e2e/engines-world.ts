/** One cluster, and an edge with each of the programs that there are, all on the machine of the lab. */
import { resolve } from 'node:path'
import { type Lab, startLab } from '../lab/lab.ts'
import { buildProductImage } from '../lab/product-image.ts'
import { type Progress, step } from '../lab/progress.ts'
import { acceptInvitation, type EdgeMachine, edgeAccess, type Programs, prepareEdge } from '../lab/proxy-edge.ts'
import { bringProgram, prepareProgram } from '../lab/proxy-programs.ts'
import { prepareMachine } from '../lab/requirements.ts'
import { tailFile } from '../lab/tail.ts'
import { type Access, type EngineKind, enginesConfig } from './engines-config.ts'
import { deployment, installArgs } from './install.ts'
import { joinParts } from './scenario.ts'
import { createServices, type Services } from './services.ts'
import { createTraffic, type Traffic } from './traffic.ts'
import { applyAll, bothProtocols } from './workloads.ts'

const sysctls = resolve(import.meta.dirname, '../../deploy/caddy/99-fairway.conf')
const FIRST_PORT = 7443
/** Each edge has a port for its API and one for its status. */
const PORTS_EACH = 2

export interface EnginesWorld {
  readonly lab: Lab
  readonly services: Services
  readonly traffic: Traffic
  readonly machines: ReadonlyMap<EngineKind, EdgeMachine>
  stop(signal: AbortSignal): Promise<void>
}

export async function startEngines(
  kinds: readonly EngineKind[],
  progress: Progress,
  signal: AbortSignal,
): Promise<EnginesWorld> {
  await prepareMachine(['cluster', 'image'], progress, signal)
  const programs = new Set(kinds.flatMap((kind) => kind.programs))
  const [image] = await Promise.all([
    buildProductImage(progress, signal),
    ...[...programs].map(async (program) => bringProgram(program, signal)),
  ])
  const lab = await startLab({ mode: 'cluster', images: [image], progress }, signal)
  try {
    await step(progress, 'starting an edge with each program, pods and the operator', async () => {
      await lab.inNamespace('edge', ['sysctl', '-qp', sysctls], signal)
      await applyAll(lab, bothProtocols(), signal)
    })
    const machines = new Map<EngineKind, EdgeMachine>()
    for (const kind of kinds) machines.set(kind, await startMachine(lab, kind, machines.size, signal))
    await install(lab, machines, signal)
    const pods = ['-n', 'e2e', 'rollout', 'status', 'daemonset/dns', '--timeout=90s']
    await lab.kubectl(pods, signal, { timeoutMs: 100_000 })
    const stop = async (stopSignal: AbortSignal) => lab.stop(stopSignal)
    return { lab, services: createServices(lab.api), traffic: createTraffic(lab), machines, stop }
  } catch (error) {
    await lab.stop(AbortSignal.timeout(60_000))
    throw error
  }
}

async function startMachine(lab: Lab, kind: EngineKind, index: number, signal: AbortSignal): Promise<EdgeMachine> {
  const { name, address } = kind
  const prepare = async (program: EngineKind['programs'][number]) =>
    prepareProgram(lab, program, `${name}-${program}`, signal)
  const [first, second] = kind.programs
  const tcp = await prepare(first)
  const programs: Programs = second === undefined ? [tcp] : [tcp, await prepare(second)]
  const port = FIRST_PORT + PORTS_EACH * index
  const machine = prepareEdge(lab, programs, { name: `edge-${name}`, port, config: { addresses: [address] } })
  await acceptInvitation(lab, await machine.init('lab', name, signal), signal)
  await machine.start(signal)
  return machine
}

/** Where the operator has the Secret of an edge. */
function mounted({ name }: EngineKind): string {
  return `/etc/fairway/${name}`
}

async function install(lab: Lab, machines: ReadonlyMap<EngineKind, EdgeMachine>, signal: AbortSignal): Promise<void> {
  const kinds = [...machines.keys()]
  const access = [...machines].map(([kind, { url }]): [EngineKind, Access] => [kind, edgeAccess(url, mounted(kind))])
  const values = {
    extraVolumes: kinds.map(({ name }) => ({ name, secret: { secretName: `fairway-${name}` } })),
    extraVolumeMounts: kinds.map((kind) => ({ name: kind.name, mountPath: mounted(kind), readOnly: true })),
  }
  await lab.helm(installArgs(lab, enginesConfig(new Map(access)), values), signal)
}

/** What operator, cluster, the edge and its programs said last. */
export async function describeEngine({ lab, machines }: EnginesWorld, kind: EngineKind): Promise<string> {
  const signal = AbortSignal.timeout(20_000)
  const kubectl = async (...args: string[]) => lab.kubectl(args, signal).catch((error: Error) => error.message)
  const units = [machines.get(kind)?.edge, ...(machines.get(kind)?.programs ?? []).map(({ unit }) => unit)]
  const parts: Record<string, string> = {
    "the operator's log": await kubectl('logs', ...deployment, '--tail=40'),
    'kubectl get events': await kubectl('get', 'events', '-n', 'e2e', '--sort-by=.lastTimestamp'),
    'kubectl get pods': await kubectl('get', 'pods', '-A', '-o', 'wide'),
  }
  for (const unit of units) if (unit !== undefined) parts[unit.logFile] = await tailFile(unit.logFile)
  return joinParts(parts)
}
