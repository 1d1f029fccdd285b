/** etcd, kube-apiserver and, for a whole cluster, controller manager and scheduler. Each can be stopped and started alone. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { controlPlane as address, serviceNet } from './addresses.ts'
import { type ApiAccess, createApiClient } from './api-client.ts'
import { createAuthority, issueCertificate } from './certificates.ts'
import { freePort } from './free-port.ts'
import { enterNamespace } from './network.ts'
import { type Daemon, recordOf, run, startDaemon, stopProcesses } from './process.ts'
import { waitFor } from './wait.ts'

export interface ControlPlaneOptions {
  /** Where certificates, data, logs and the kubeconfig go. */
  readonly dir: string
  readonly binDir: string
  /** In namespace cp on its fixed address, or on the host's loopback on free ports. */
  readonly place: 'namespace' | 'loopback'
  readonly controllers: boolean
  readonly dualStack: boolean
  /** Further flags of kube-apiserver; a flag given here wins over ours. */
  readonly apiServerArgs: readonly string[]
  readonly controllerManagerArgs: readonly string[]
}

export type Component = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler'

export interface ControlPlane {
  readonly access: ApiAccess
  readonly kubeconfig: string
  /** As seen where the control plane runs: etcd answers JSON over HTTP there, for a compaction for instance. */
  readonly etcdUrl: string
  /** The authority that signed the API server's certificate; client certificates by it are accepted too. */
  readonly authority: { readonly certFile: string; readonly keyFile: string }
  /** Starts a component that was stopped, and waits until it serves. Further flags hold until the next start. */
  start(component: Component, signal: AbortSignal, extraArgs?: readonly string[]): Promise<void>
  /** Ends a component: at once (SIGKILL) or in order (SIGTERM). */
  stop(component: Component, how: 'kill' | 'terminate', signal: AbortSignal): Promise<void>
  pid(component: Component): number | undefined
}

interface Setup extends ControlPlaneOptions {
  readonly host: string
  readonly port: number
  readonly etcdPort: number
  readonly kubeconfig: string
  readonly access: ApiAccess
}

/** Starts the control plane and waits until it is ready for requests. */
export async function startControlPlane(options: ControlPlaneOptions, signal: AbortSignal): Promise<ControlPlane> {
  const setup = await prepare(options)
  const authority = await writeCredentials(setup, signal)
  const running = new Map<Component, Daemon>()
  const start: ControlPlane['start'] = async (component, startSignal, extraArgs = []) => {
    const argv = [join(setup.binDir, component), ...commandLine(component, setup), ...extraArgs]
    const command = setup.place === 'namespace' ? enterNamespace('cp', argv) : argv
    const daemon = startDaemon(setup.dir, component, command)
    running.set(component, daemon)
    if (component === 'etcd' || component === 'kube-apiserver') await ready(component, daemon, setup, startSignal)
  }
  const stop: ControlPlane['stop'] = async (component, how, stopSignal) => {
    const record = recordOf(running.get(component)?.pid ?? 0)
    running.delete(component)
    if (record) await stopProcesses([record], how === 'kill' ? 0 : 70_000, stopSignal)
  }
  await start('etcd', signal)
  await start('kube-apiserver', signal)
  if (options.controllers)
    await Promise.all([start('kube-controller-manager', signal), start('kube-scheduler', signal)])
  const { access, kubeconfig } = setup
  const etcdUrl = `http://127.0.0.1:${setup.etcdPort}`
  return { access, kubeconfig, etcdUrl, authority, start, stop, pid: (component) => running.get(component)?.pid }
}

async function prepare(options: ControlPlaneOptions): Promise<Setup> {
  mkdirSync(options.dir, { recursive: true })
  const inNamespace = options.place === 'namespace'
  const [port, etcdPort] = inNamespace ? [6443, 2379] : await twoPorts()
  const host = inNamespace ? address.v4 : '127.0.0.1'
  const access = { server: `https://${host}:${port}`, caFile: join(options.dir, 'ca.crt'), token: 'lab-admin' }
  return { ...options, host, port, etcdPort, kubeconfig: join(options.dir, 'kubeconfig'), access }
}

async function twoPorts(): Promise<readonly [number, number]> {
  const port = await freePort()
  for (;;) {
    const other = await freePort()
    if (other !== port) return [port, other]
  }
}

async function writeCredentials(setup: Setup, signal: AbortSignal) {
  const { dir } = setup
  const authority = await createAuthority(dir, 'ca', signal)
  await issueCertificate(
    dir,
    authority,
    {
      name: 'apiserver',
      commonName: 'kube-apiserver',
      dnsNames: ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'localhost'],
      addresses: ['127.0.0.1', '10.96.0.1', setup.host],
    },
    signal,
  )
  await run(['openssl', 'genrsa', '-out', join(dir, 'sa.key'), '2048'], {}, signal)
  writeFileSync(join(dir, 'tokens.csv'), `${setup.access.token},admin,admin,system:masters\n`)
  writeFileSync(setup.kubeconfig, renderKubeconfig(setup.access), { mode: 0o600 })
  return authority
}

/** JSON is YAML; the CA goes by content, so that the file can be copied elsewhere. */
function renderKubeconfig({ server, caFile, token }: ApiAccess): string {
  const authority = readFileSync(caFile).toString('base64')
  return `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'lab', cluster: { server, 'certificate-authority-data': authority } }],
      users: [{ name: 'admin', user: { token } }],
      contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'admin' } }],
      'current-context': 'lab',
    },
    undefined,
    2,
  )}\n`
}

async function ready(
  component: 'etcd' | 'kube-apiserver',
  daemon: Daemon,
  setup: Setup,
  signal: AbortSignal,
): Promise<void> {
  // The API server has a readiness check of its own that covers etcd; etcd alone is merely let start.
  if (component === 'etcd') return
  const client = createApiClient(setup.access)
  try {
    const probe = async (limit: AbortSignal) => (await client.request('/readyz', {}, limit)) === 'ok'
    await waitFor('API server to be ready', probe, { timeoutMs: 60_000, daemons: [daemon] }, signal)
  } finally {
    client.close()
  }
}

function commandLine(component: Component, setup: Setup): readonly string[] {
  const flags: Record<Component, readonly string[]> = {
    etcd: etcdFlags(setup),
    'kube-apiserver': [...apiServerFlags(setup), ...setup.apiServerArgs],
    'kube-controller-manager': [...controllerManagerFlags(setup), ...setup.controllerManagerArgs],
    'kube-scheduler': [`--kubeconfig=${setup.kubeconfig}`, '--leader-elect=false'],
  }
  return flags[component]
}

function etcdFlags({ dir, etcdPort }: Setup): string[] {
  const client = `http://127.0.0.1:${etcdPort}`
  return [
    '--name=lab',
    `--data-dir=${join(dir, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    // Peers do not exist; any free port will do.
    '--listen-peer-urls=http://127.0.0.1:0',
    '--unsafe-no-fsync',
    '--log-level=warn',
  ]
}

function apiServerFlags({ dir, host, port, etcdPort, place, dualStack }: Setup): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    `--secure-port=${port}`,
    `--bind-address=${place === 'namespace' ? '0.0.0.0' : host}`,
    `--advertise-address=${host}`,
    // It refuses to publish a loopback address as the Service "kubernetes".
    `--endpoint-reconciler-type=${place === 'namespace' ? 'lease' : 'none'}`,
    `--tls-cert-file=${join(dir, 'apiserver.crt')}`,
    `--tls-private-key-file=${join(dir, 'apiserver.key')}`,
    `--client-ca-file=${join(dir, 'ca.crt')}`,
    `--token-auth-file=${join(dir, 'tokens.csv')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${join(dir, 'sa.key')}`,
    `--service-account-signing-key-file=${join(dir, 'sa.key')}`,
    `--service-cluster-ip-range=${dualStack ? `${serviceNet.v4},${serviceNet.v6}` : serviceNet.v4}`,
    '--authorization-mode=RBAC,Node',
    '--allow-privileged',
    '--kubelet-preferred-address-types=InternalIP',
    '--shutdown-delay-duration=0s',
  ]
}

function controllerManagerFlags({ dir, kubeconfig }: Setup): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    '--leader-elect=false',
    '--use-service-account-credentials',
    `--service-account-private-key-file=${join(dir, 'sa.key')}`,
    `--root-ca-file=${join(dir, 'ca.crt')}`,
  ]
}
