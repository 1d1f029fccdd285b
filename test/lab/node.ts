/**
 * A whole node: containerd, kubelet and kube-proxy. The node's network is its namespace. Mounts and processes have
 * namespaces too, held by one process: when that one ends, for whatever reason, the kernel ends every container and
 * removes every mount of the node.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type NodeAddresses, podNet } from './addresses.ts'
import { enterNamespace } from './network.ts'
import { type NodeFiles, nodeFiles, renderCni, renderContainerd, renderKubelet } from './node-config.ts'
import { type Daemon, recordOf, run, startDaemon, stopProcesses } from './process.ts'
import { waitFor } from './wait.ts'

export interface NodeOptions {
  readonly labDir: string
  readonly binDir: string
  readonly kubeconfig: string
  readonly dualStack: boolean
  /** Image archives to have before the first pod. */
  readonly images: readonly string[]
}

export type NodeComponent = 'containerd' | 'kubelet' | 'kube-proxy'

export interface ClusterNode {
  readonly name: string
  readonly addresses: NodeAddresses
  importImage(archive: string, signal: AbortSignal): Promise<void>
  start(component: NodeComponent, signal: AbortSignal): Promise<void>
  /** Ends one program of the node; pods go on. */
  stop(component: NodeComponent, signal: AbortSignal): Promise<void>
  /** The whole machine is gone at once, its pods with it. */
  crash(signal: AbortSignal): Promise<void>
}

/** Starts a node; it joins the cluster by itself and is Ready some seconds later. */
export async function startNode(node: NodeAddresses, options: NodeOptions, signal: AbortSignal): Promise<ClusterNode> {
  const files = writeFiles(node, options)
  const holder = await startHolder(node.name, options, signal)
  await isolateMounts(holder, files, signal)
  const running = new Map<NodeComponent, Daemon>()
  const start = async (component: NodeComponent, startSignal: AbortSignal) => {
    const argv = enterNode(holder, commandLine(component, node, files, options))
    const env = { ...process.env, PATH: `${options.binDir}:${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }
    const daemon = startDaemon(options.labDir, `${node.name}-${component}`, argv, { env })
    running.set(component, daemon)
    if (component === 'containerd') await containerdReady(daemon, files, options, startSignal)
  }
  const importImage = async (archive: string, importSignal: AbortSignal) => {
    const ctr = [join(options.binDir, 'ctr'), '-a', files.socket, '-n', 'k8s.io', 'images', 'import', archive]
    await run(enterNode(holder, ctr), { timeoutMs: 120_000 }, importSignal)
  }
  const stop = async (component: NodeComponent, stopSignal: AbortSignal) => {
    const daemon = running.get(component)
    running.delete(component)
    const record = daemon && recordOf(childOf(daemon.pid) ?? daemon.pid)
    if (record) await stopProcesses([record], 10_000, stopSignal)
  }
  const crash = async (crashSignal: AbortSignal) =>
    stopProcesses(
      [recordOf(holder)].filter((r) => r !== undefined),
      0,
      crashSignal,
    )
  await start('containerd', signal)
  for (const archive of options.images) await importImage(archive, signal)
  await start('kubelet', signal)
  await start('kube-proxy', signal)
  return { name: node.name, addresses: node, importImage, start, stop, crash }
}

function writeFiles(node: NodeAddresses, options: NodeOptions): NodeFiles {
  const files = nodeFiles(join(options.labDir, node.name))
  for (const dir of [files.cniDir, join(files.dir, 'log'), join(files.dir, 'kubelet')])
    mkdirSync(dir, { recursive: true })
  writeFileSync(files.containerdConfig, renderContainerd(files))
  writeFileSync(join(files.cniDir, '10-lab.conflist'), renderCni(files, node))
  writeFileSync(files.kubeletConfig, renderKubelet(files, node))
  writeFileSync(files.resolvConf, '')
  return files
}

/** The first process of the node's own PID and mount namespaces; gives its id as the machine sees it. */
async function startHolder(name: string, options: NodeOptions, signal: AbortSignal): Promise<number> {
  const unshare = ['unshare', '--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc']
  const daemon = startDaemon(
    options.labDir,
    `${name}-holder`,
    enterNamespace(name, [...unshare, join(options.binDir, 'pause')]),
  )
  const probe = async () => {
    const child = childOf(daemon.pid)
    return child && readFileSync(`/proc/${child}/comm`, 'utf8').trim() === 'pause' ? child : undefined
  }
  return waitFor(
    `${name} to have its namespaces`,
    probe,
    { timeoutMs: 10_000, intervalMs: 20, daemons: [daemon] },
    signal,
  )
}

/** unshare and nsenter stay as the parent of what they start in another PID namespace. */
function childOf(pid: number): number | undefined {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
    return child ? Number(child) : undefined
  } catch {
    return undefined
  }
}

/** What the programs write to fixed places of /run and /var stays the node's own and goes with it. */
async function isolateMounts(holder: number, files: NodeFiles, signal: AbortSignal): Promise<void> {
  const layers = { lowerdir: '/var', upperdir: join(files.dir, 'var'), workdir: join(files.dir, 'var-work') }
  mkdirSync(layers.upperdir)
  mkdirSync(layers.workdir)
  const overlay = Object.entries(layers).map(([key, value]) => `${key}=${value}`)
  const commands = [
    ['mount', '-t', 'tmpfs', 'tmpfs', '/run'],
    ['mount', '-t', 'overlay', '-o', overlay.join(','), 'overlay', '/var'],
    // As on a real node, where a volume may propagate mounts both ways.
    ['mount', '--make-rshared', '/'],
  ]
  for (const argv of commands) await run(['nsenter', '--target', `${holder}`, '--mount', '--', ...argv], {}, signal)
}

function enterNode(holder: number, argv: readonly string[]): string[] {
  return ['nsenter', '--target', `${holder}`, '--mount', '--net', '--pid', '--', ...argv]
}

async function containerdReady(
  daemon: Daemon,
  files: NodeFiles,
  options: NodeOptions,
  signal: AbortSignal,
): Promise<void> {
  const probe = async (limit: AbortSignal) =>
    run([join(options.binDir, 'ctr'), '-a', files.socket, 'version'], {}, limit)
  await waitFor('containerd to answer', probe, { timeoutMs: 30_000, intervalMs: 200, daemons: [daemon] }, signal)
}

function commandLine(component: NodeComponent, node: NodeAddresses, files: NodeFiles, options: NodeOptions): string[] {
  const { dualStack, kubeconfig } = options
  const identity = [`--kubeconfig=${kubeconfig}`, `--hostname-override=${node.name}`]
  const flags: Record<NodeComponent, readonly string[]> = {
    containerd: ['-c', files.containerdConfig, '-l', 'warn'],
    kubelet: [
      ...identity,
      `--config=${files.kubeletConfig}`,
      `--root-dir=${join(files.dir, 'kubelet')}`,
      `--node-ip=${dualStack ? `${node.v4},${node.v6}` : node.v4}`,
    ],
    'kube-proxy': [
      ...identity,
      '--proxy-mode=nftables',
      // The conntrack table belongs to the machine, which is not ours to resize.
      '--conntrack-max-per-core=0',
      `--cluster-cidr=${dualStack ? `${podNet.v4},${podNet.v6}` : podNet.v4}`,
      '--healthz-bind-address=0.0.0.0:10256',
    ],
  }
  return [join(options.binDir, component), ...flags[component]]
}
