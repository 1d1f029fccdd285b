/** A lab: real Kubernetes on one machine, started and removed by a test or a demo. */
import { join } from 'node:path'
import { type NodeAddresses, nodeAddresses } from './addresses.ts'
import { type ApiAccess, type ApiClient, createApiClient } from './api-client.ts'
import { buildBinaries } from './build.ts'
import { createCgroups } from './cgroups.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { writeBaseImages } from './images.ts'
import { type LightNode, startLightNodes } from './light-nodes.ts'
import { acquireLock, type Lock } from './lock.ts'
import { enterNamespace, networkUp } from './network.ts'
import { type ClusterNode, startNode } from './node.ts'
import {
  type Daemon,
  type Output,
  type RunOptions,
  recordOf,
  run,
  startDaemon,
  stopProcesses,
  tryRun,
} from './process.ts'
import { type Progress, silent, step } from './progress.ts'
import {
  createApiDir,
  createLabDir,
  isKept,
  labDir,
  markKept,
  sweepAbandonedApis,
  sweepApi,
  sweepLab,
} from './state.ts'
import { apiBinaries, clusterBinaries } from './versions.ts'
import { waitFor } from './wait.ts'

/**
 * - `cluster`: nodes with containerd, kubelet and kube-proxy; pods run. Needs root.
 * - `demo`: the same network with the API server alone; a process in each node namespace answers at node ports. Needs root.
 * - `api`: the API server alone on loopback. Needs no root, and there may be many.
 */
export type LabMode = 'cluster' | 'demo' | 'api'

export interface LabOptions {
  readonly mode: LabMode
  readonly nodes?: number
  readonly dualStack?: boolean
  /** Image archives that every node has from the start. */
  readonly images?: readonly string[]
  readonly apiServerArgs?: readonly string[]
  readonly controllerManagerArgs?: readonly string[]
  /** The lab is meant to outlive this process; sweepLab removes it. */
  readonly keep?: boolean
  /** How long to wait for another lab on this machine to end. */
  readonly lockTimeoutMs?: number
  readonly progress?: Progress
}

/** A place where a process can run: a namespace of the lab, or the machine itself. */
export type Place = 'host' | 'cp' | 'edge' | 'client' | `n${number}`

export interface LabProcess extends Daemon {
  kill(name: NodeJS.Signals): void
  /** SIGTERM, and SIGKILL if it is not gone after graceMs. */
  stop(graceMs: number, signal: AbortSignal): Promise<void>
}

export interface Lab {
  readonly mode: LabMode
  /** Logs (NAME.log), certificates and whatever the lab's processes keep; gone after stop. */
  readonly dir: string
  readonly binDir: string
  readonly kubeconfig: string
  readonly api: ApiClient
  readonly controlPlane: ControlPlane
  readonly addresses: readonly NodeAddresses[]
  /** In mode cluster. */
  readonly nodes: readonly ClusterNode[]
  /** In mode demo. */
  readonly lightNodes: readonly LightNode[]
  kubectl(args: readonly string[], signal: AbortSignal, options?: RunOptions): Promise<string>
  helm(args: readonly string[], signal: AbortSignal, options?: RunOptions): Promise<string>
  /** Runs a command to its end, whatever its exit code. */
  inNamespace(place: Place, argv: readonly string[], signal: AbortSignal, options?: RunOptions): Promise<Output>
  /** Starts a process that ends with the lab at the latest. Its output goes to DIR/NAME.log. */
  spawn(place: Place, name: string, argv: readonly string[], env?: NodeJS.ProcessEnv): LabProcess
  /** Imports an image archive into every node. */
  loadImage(archive: string, signal: AbortSignal): Promise<void>
  /** Ends everything and leaves no trace. */
  stop(signal: AbortSignal): Promise<void>
}

/** Builds what is missing, waits for another lab to end, removes what a crashed one left, and starts. */
export async function startLab(options: LabOptions, signal: AbortSignal): Promise<Lab> {
  const progress = options.progress ?? silent
  const binDir = await buildBinaries(options.mode === 'cluster' ? clusterBinaries : apiBinaries, progress, signal)
  const lock = options.mode === 'api' ? undefined : await lockLab(options, progress, signal)
  let dir: string | undefined
  const sweep = async (sweepSignal: AbortSignal) => {
    if (options.mode !== 'api') await sweepLab(sweepSignal)
    else if (dir) await sweepApi(dir, sweepSignal)
  }
  try {
    await (lock ? sweepLab(signal) : sweepAbandonedApis(signal))
    dir = lock ? createLabDir() : createApiDir()
    const parts = await step(progress, `starting ${describe(options)}`, async () =>
      startParts(options, dir ?? '', binDir, signal),
    )
    if (options.keep) markKept(dir)
    return assemble(options.mode, dir, binDir, parts, sweep, lock)
  } catch (error) {
    // Not with the caller's signal: it may be what ended the start.
    if (!process.env['FAIRWAY_LAB_KEEP_FAILED']) await sweep(AbortSignal.timeout(30_000))
    await lock?.release()
    throw error
  }
}

interface Parts {
  readonly controlPlane: ControlPlane
  readonly addresses: readonly NodeAddresses[]
  readonly nodes: readonly ClusterNode[]
  readonly lightNodes: readonly LightNode[]
}

async function lockLab(options: LabOptions, progress: Progress, signal: AbortSignal): Promise<Lock> {
  const onWait = (holder: string) => progress(`waiting for another lab to end (kill it if nobody needs it): ${holder}`)
  const lock = await acquireLock('lab', { timeoutMs: options.lockTimeoutMs ?? 900_000, onWait }, signal)
  if (!isKept(labDir)) return lock
  await lock.release()
  throw new Error('A lab is already up. End it with: node test/lab/main.ts down')
}

function describe({ mode, nodes = 3 }: LabOptions): string {
  const titles: Record<LabMode, string> = {
    api: 'an API server',
    demo: `an API server and ${nodes} stand-in nodes`,
    cluster: `a cluster of ${nodes} nodes`,
  }
  return titles[mode]
}

async function startParts(options: LabOptions, dir: string, binDir: string, signal: AbortSignal): Promise<Parts> {
  const { mode, dualStack = false, apiServerArgs = [], controllerManagerArgs = [] } = options
  const addresses = mode === 'api' ? [] : nodeAddresses(options.nodes ?? 3)
  if (mode !== 'api') await networkUp(addresses, signal)
  const place = mode === 'api' ? 'loopback' : 'namespace'
  const controllers = mode === 'cluster'
  const [controlPlane, baseImages] = await Promise.all([
    startControlPlane({ dir, binDir, place, controllers, dualStack, apiServerArgs, controllerManagerArgs }, signal),
    mode === 'cluster' ? writeBaseImages(dir, binDir) : [],
  ])
  if (mode !== 'cluster') {
    const lightNodes = await startLightNodes(addresses, dir, controlPlane.access, signal)
    return { controlPlane, addresses, nodes: [], lightNodes }
  }
  createCgroups()
  const images = [...baseImages, ...(options.images ?? [])]
  const nodeOptions = { labDir: dir, binDir, kubeconfig: controlPlane.kubeconfig, dualStack, images }
  const nodes = await Promise.all(addresses.map(async (node) => startNode(node, nodeOptions, signal)))
  await readyForPods(controlPlane.access, addresses.length, signal)
  return { controlPlane, addresses, nodes, lightNodes: [] }
}

interface NodeList {
  readonly items: readonly {
    readonly spec: { readonly taints?: readonly unknown[] }
    readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
  }[]
}

/** Nodes without the taints of a new one, and the account that pods run under: what is created before waits for a retry. */
async function readyForPods(access: ApiAccess, count: number, signal: AbortSignal): Promise<void> {
  const api = createApiClient(access)
  const probe = async (limit: AbortSignal) => {
    const { items } = (await api.request('/api/v1/nodes', {}, limit)) as NodeList
    const ready = items.filter(
      ({ spec, status }) =>
        !spec.taints?.length && status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    )
    if (ready.length < count) return undefined
    return api.request('/api/v1/namespaces/default/serviceaccounts/default', {}, limit)
  }
  await waitFor('nodes to be Ready', probe, { timeoutMs: 90_000, intervalMs: 200 }, signal).finally(() => api.close())
}

function assemble(
  mode: LabMode,
  dir: string,
  binDir: string,
  parts: Parts,
  sweep: (signal: AbortSignal) => Promise<void>,
  lock: Lock | undefined,
): Lab {
  const { kubeconfig, access } = parts.controlPlane
  const api = createApiClient(access)
  const home = {
    KUBECONFIG: kubeconfig,
    HELM_CACHE_HOME: join(dir, 'helm'),
    HELM_CONFIG_HOME: join(dir, 'helm'),
    HELM_DATA_HOME: join(dir, 'helm'),
  }
  const env = { ...process.env, ...home, PATH: `${binDir}:${process.env['PATH'] ?? ''}` }
  return {
    mode,
    dir,
    binDir,
    kubeconfig,
    api,
    ...parts,
    kubectl: async (args, signal, options = {}) => run([join(binDir, 'kubectl'), ...args], { env, ...options }, signal),
    helm: async (args, signal, options = {}) =>
      run([join(binDir, 'helm'), ...args], { env, timeoutMs: 180_000, ...options }, signal),
    inNamespace: async (place, argv, signal, options = {}) => tryRun(at(place, argv), { env, ...options }, signal),
    spawn: (place, name, argv, extra = {}) =>
      labProcess(startDaemon(dir, name, at(place, argv), { env: { ...env, ...extra } })),
    loadImage: async (archive, signal) => {
      await Promise.all(parts.nodes.map(async (node) => node.importImage(archive, signal)))
    },
    stop: async (signal) => {
      api.close()
      await sweep(signal)
      await lock?.release()
    },
  }
}

function at(place: Place, argv: readonly string[]): readonly string[] {
  return place === 'host' ? argv : enterNamespace(place, argv)
}

function labProcess(daemon: Daemon): LabProcess {
  return {
    ...daemon,
    kill: (name) => {
      if (daemon.exitCode() === undefined) process.kill(daemon.pid, name)
    },
    stop: async (graceMs, signal) => {
      const record = recordOf(daemon.pid)
      if (record && daemon.exitCode() === undefined) await stopProcesses([record], graceMs, signal)
    },
  }
}
