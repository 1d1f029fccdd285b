/** Everything that the scenarios share: one cluster, its proxies, one operator, and a neighbour. */
import { copyFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { hostPort } from '../../src/model/address.ts'
import { edge as edgeAddress } from '../lab/addresses.ts'
import { buildCaddy } from '../lab/build.ts'
import { type Lab, startLab } from '../lab/lab.ts'
import { buildProductImage } from '../lab/product-image.ts'
import { type Progress, step } from '../lab/progress.ts'
import { type CaddyProcess, startCaddy } from '../lab/proxy-caddy.ts'
import { prepareMachine } from '../lab/requirements.ts'
import { addresses, byHandPorts, foreignConfig, type OperatorConfig, operatorConfig, steady } from './config.ts'
import { createEdge, type Edge } from './edge.ts'
import { type Haproxy, type PreparedMachine, setUpHaproxy, watchHaproxy } from './haproxy-world.ts'
import { installArgs } from './install.ts'
import { type OtherCluster, startOtherCluster } from './other-cluster.ts'
import { createServices, type Services } from './services.ts'
import { createTraffic, type Probe, startProbe, type Traffic } from './traffic.ts'
import { applyAll, workloads } from './workloads.ts'

export interface World {
  readonly lab: Lab
  /** The proxy that is up for the whole run. */
  readonly edge: Edge
  readonly spare: Spare
  /** HAProxy on the same machine, with `fairway edge` beside it. */
  readonly haproxy: Haproxy
  readonly services: Services
  readonly traffic: Traffic
  /** Asks Service `steady`, the foreign server and the other cluster's frontend, from the start to the end. */
  readonly probe: Probe
  readonly other: OtherCluster
  /** What of `edge-1` is not the operator's, byte for byte, as it was before the first scenario. */
  readonly foreign: Foreign
  /** With which the operator was installed. */
  readonly config: OperatorConfig
  /** When the first scenario began, as `Date.now()` has it. */
  readonly startedMs: number
  /** Ends the run. */
  readonly ending: AbortSignal
  stop(signal: AbortSignal): Promise<void>
}

export interface Foreign {
  readonly byHand: string
  readonly site: string
  readonly other: string
}

/** The proxy that is there to be broken: at most one Caddy runs at its admin port. */
export interface Spare {
  readonly edge: Edge
  /** Starts the Caddy with the layer4 app, or the plain one, with nothing of its former configuration. */
  start(kind: 'layer4' | 'plain', signal: AbortSignal): Promise<void>
  stop(signal: AbortSignal): Promise<void>
  /** A certificate that the http side of its configuration loads from this file. */
  readonly certificate: string
  restoreCertificate(): void
}

const otherKey = `fairway.other.public.tcp.${addresses.otherCluster}.${steady.port}`
const sparePort = 2020
const sysctls = resolve(import.meta.dirname, '../../deploy/caddy/99-fairway.conf')

export async function startWorld(progress: Progress, signal: AbortSignal): Promise<World> {
  await prepareMachine(['cluster', 'image'], progress, signal)
  const [image, programs] = await Promise.all([buildProductImage(progress, signal), buildCaddy(progress, signal)])
  const lab = await startLab({ mode: 'cluster', dualStack: true, images: [image], progress }, signal)
  let other: OtherCluster | undefined
  const stop = async (stopSignal: AbortSignal) => {
    await other?.stop(stopSignal)
    await lab.stop(stopSignal)
  }
  try {
    return await step(progress, 'starting proxies, pods and the operator', async () => {
      await lab.inNamespace('edge', ['sysctl', '-qp', sysctls], signal)
      const spare = createSpare(lab, programs)
      const [caddy, machine] = await Promise.all([
        startCaddy(lab, { program: programs.caddy, config: foreignConfig() }, signal),
        setUpHaproxy(lab, signal),
        spare.start('layer4', signal),
      ])
      const config = operatorConfig({ edge1: caddy.adminUrl, edge2: spare.adminUrl, haproxy: machine.access })
      const startNeighbour = async () => {
        other = await startOtherCluster(lab, caddy.adminUrl, machine, signal)
        return other
      }
      const install = lab.helm(installArgs(lab, config, machine.values), signal)
      const [neighbour] = await Promise.all([startNeighbour(), startWorkloads(lab, signal), install])
      const edge = createEdge(lab, caddy)
      const parts = { lab, edge, spare, other: neighbour, config, ending: signal, stop }
      return await assemble(parts, machine, signal)
    })
  } catch (error) {
    await stop(AbortSignal.timeout(60_000))
    throw error
  }
}

type Parts = Pick<World, 'lab' | 'edge' | 'spare' | 'other' | 'config' | 'ending' | 'stop'>

async function assemble(parts: Parts, machine: PreparedMachine, signal: AbortSignal): Promise<World> {
  const { lab, edge } = parts
  const services = createServices(lab.api)
  const traffic = createTraffic(lab)
  await services.create({ name: 'steady', ports: [{ ...steady, targetPort: 8080 }] }, signal)
  const targets = [
    [await services.addressOf('steady', signal), steady.port],
    [addresses.byHand, byHandPorts.own],
    [addresses.otherCluster, steady.port],
  ] as const
  for (const [address, port] of targets) await traffic.answers(address, port, '/hostname', signal)
  const probe = startProbe(
    lab,
    'probe',
    targets.map(([address, port]) => `http://${hostPort(address, port)}/hostname`),
  )
  const haproxy = await watchHaproxy(lab, machine, services, traffic, signal)
  const foreign = await readForeign(edge, signal)
  const startedMs = Date.now()
  return { ...parts, services, traffic, probe, haproxy, foreign, startedMs }
}

export async function readForeign(edge: Edge, signal: AbortSignal): Promise<Foreign> {
  return {
    byHand: await edge.text('apps/layer4/servers/by-hand', signal),
    site: await edge.text('apps/http', signal),
    other: await edge.text(`apps/layer4/servers/${otherKey}`, signal),
  }
}

async function startWorkloads(lab: Lab, signal: AbortSignal): Promise<void> {
  await applyAll(lab, workloads(), signal)
  await rolledOut(lab, signal)
}

/** Waits until every node has its pods. */
export async function rolledOut(lab: Lab, signal: AbortSignal): Promise<void> {
  for (const name of ['web', 'seer'])
    await lab.kubectl(['-n', 'e2e', 'rollout', 'status', `daemonset/${name}`, '--timeout=90s'], signal, {
      timeoutMs: 100_000,
    })
}

function createSpare(
  lab: Lab,
  programs: { readonly caddy: string; readonly plain: string },
): Spare & { readonly adminUrl: string } {
  let running: CaddyProcess | undefined
  const certificate = join(lab.dir, 'edge-2.crt')
  const { certFile, keyFile } = lab.controlPlane.authority
  const restoreCertificate = () => copyFileSync(certFile, certificate)
  const start: Spare['start'] = async (kind, signal) => {
    restoreCertificate()
    const program = kind === 'layer4' ? programs.caddy : programs.plain
    const config = { apps: { tls: { certificates: { load_files: [{ certificate, key: keyFile }] } } } }
    running = await startCaddy(lab, { program, name: 'caddy-2', port: sparePort, config }, signal)
  }
  const stop: Spare['stop'] = async (signal) => {
    await running?.stop(10_000, signal)
  }
  const adminUrl = `http://${edgeAddress.v4}:${sparePort}`
  const logFile = join(lab.dir, 'caddy-2.log')
  return { edge: createEdge(lab, { adminUrl, logFile }), start, stop, certificate, restoreCertificate, adminUrl }
}
