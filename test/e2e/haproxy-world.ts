/** HAProxy with `fairway edge` on the edge machine, prepared for both clusters. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { hostPort } from '../../src/model/address.ts'
import type { Lab } from '../lab/lab.ts'
import {
  acceptInvitation,
  type EdgeMachine,
  edgeAccess,
  type Invitation,
  mountSecret,
  prepareEdge,
} from '../lab/proxy-edge.ts'
import { type HaproxyProgram, prepareHaproxy } from '../lab/proxy-haproxy.ts'
import {
  byHandPorts,
  byHandSections,
  edgeConfig,
  fixedFrontend,
  haproxyAddresses,
  haproxyName,
  haproxySteady,
} from './haproxy-config.ts'
import type { Services } from './services.ts'
import { type Probe, startProbe, type Traffic } from './traffic.ts'

const SECRET = `fairway-${haproxyName}`
const MOUNTED = `/etc/fairway/${haproxyName}`

/** What the machine is before any cluster knows of it. */
export interface PreparedMachine {
  readonly machine: EdgeMachine
  readonly program: HaproxyProgram
  /** The `edge` of the proxy, for the operator in the cluster. */
  readonly access: Readonly<Record<string, string>>
  /** Values of the chart that bring it the Secret. */
  readonly values: Readonly<Record<string, unknown>>
  readonly forOther: Invitation
  /** What the API server answered through the frontend of edge.yaml before any operator ran. */
  readonly early: string
}

export interface Haproxy extends PreparedMachine {
  /** Asks Service `steady-haproxy`, the administrator's frontend and the other cluster's, from the start to the end. */
  readonly probe: Probe
  /** An answer of the edge's API to this cluster, with status 200. */
  ask(path: string, signal: AbortSignal): Promise<unknown>
  /** The status of an answer, whatever it is. */
  statusOf(path: string, signal: AbortSignal): Promise<string>
  /** How often the edge has been read since it started. */
  reads(signal: AbortSignal): Promise<number>
  /** The file that the edge writes. */
  file(): string
}

/** Asks the API server through the frontend of edge.yaml whether it is ready. */
export async function askFixed(lab: Lab, signal: AbortSignal): Promise<string> {
  const url = `https://${hostPort(haproxyAddresses.fixed, fixedFrontend.port)}/readyz`
  const bearer = `Authorization: Bearer ${lab.controlPlane.access.token}`
  return (await lab.inNamespace('client', ['curl', '-sS', '-k', '-m', '5', '-H', bearer, url], signal)).stdout
}

/** Sets the machine up for both clusters, starts it, and brings this one its Secret. */
export async function setUpHaproxy(lab: Lab, signal: AbortSignal): Promise<PreparedMachine> {
  const program = prepareHaproxy(lab, 'haproxy', byHandSections)
  const machine = prepareEdge(lab, [program], { config: edgeConfig })
  const invitation = await machine.init('lab', haproxyName, signal)
  const forOther = await machine.init('other', haproxyName, signal)
  await machine.start(signal)
  const early = await askFixed(lab, signal)
  await acceptInvitation(lab, invitation, signal)
  const volume = { name: haproxyName, secret: { secretName: SECRET } }
  const values = {
    extraVolumes: [volume],
    extraVolumeMounts: [{ name: haproxyName, mountPath: MOUNTED, readOnly: true }],
  }
  return { machine, program, access: edgeAccess(machine.url, MOUNTED), values, forOther, early }
}

/** The `edge` of the proxy for an operator on the host, whose cluster gets its Secret. */
export async function accessFromHost(
  lab: Lab,
  { machine, forOther }: PreparedMachine,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  await acceptInvitation(lab, forOther, signal)
  return edgeAccess(machine.url, await mountSecret(lab, SECRET, signal))
}

/** Waits until everybody is served, and begins to watch over that. */
export async function watchHaproxy(
  lab: Lab,
  prepared: PreparedMachine,
  services: Services,
  traffic: Traffic,
  signal: AbortSignal,
): Promise<Haproxy> {
  const annotations = { 'fairway.dev/class': 'haproxy' }
  const ports = [{ ...haproxySteady, targetPort: 8080 }]
  await services.create({ name: 'steady-haproxy', annotations, ports }, signal)
  const targets = [
    [await services.addressOf('steady-haproxy', signal), haproxySteady.port],
    [haproxyAddresses.byHand, byHandPorts.own],
    [haproxyAddresses.other, haproxySteady.port],
  ] as const
  for (const [address, port] of targets) await traffic.answers(address, port, '/hostname', signal)
  const urls = targets.map(([address, port]) => `http://${hostPort(address, port)}/hostname`)
  const files = await mountSecret(lab, SECRET, signal)
  const curl = async (path: string, more: readonly string[], limit: AbortSignal) => {
    const token = readFileSync(join(files, 'token'), 'utf8')
    const who = ['--cacert', join(files, 'ca.crt'), '-H', `Authorization: Bearer ${token}`]
    return lab.inNamespace('edge', ['curl', '-sS', '-m', '5', ...who, ...more, prepared.machine.url + path], limit)
  }
  return {
    ...prepared,
    probe: startProbe(lab, 'probe-haproxy', urls, 0),
    ask: async (path, limit) => {
      const { code, stdout, stderr } = await curl(path, ['-f'], limit)
      if (code !== 0) throw new Error(`the edge's API: curl ${path} ended with ${code}: ${stderr}${stdout}`)
      return JSON.parse(stdout) as unknown
    },
    statusOf: async (path, limit) => (await curl(path, ['-o', '/dev/null', '-w', '%{http_code}'], limit)).stdout,
    reads: async (limit) => {
      const metrics = await prepared.machine.metrics(limit)
      const counts = metrics.matchAll(/^fairway_edge_request_seconds_count\{.*method="GET".*\} (\d+)$/gm)
      return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
    },
    file: () => readFileSync(prepared.program.files.configFile, 'utf8'),
  }
}
