/**
 * Stands in for KubeLB as its users see it: while the CCM's Deployment has a replica, each Service of type LoadBalancer gets a finalizer, a LoadBalancer in the management
 * cluster, an address of MetalLB's, and a real Envoy that leads from there to node ports at the ExternalIP of the nodes. Envoy ends with the LoadBalancer.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from './cluster.ts'

const FINALIZER = 'kubelb.k8c.io/cleanup'
const LOAD_BALANCERS = '/apis/kubelb.k8c.io/v1alpha1/namespaces/tenant-prod-a/loadbalancers'
const FIRST_ADDRESS = { net: '10.10.255', last: 200 }

interface Service {
  readonly metadata: { readonly name: string; readonly uid: string; readonly finalizers?: readonly string[] }
  readonly spec: {
    readonly type: string
    readonly ports: readonly { readonly port: number; readonly nodePort: number }[]
  }
  readonly status: { readonly loadBalancer: { readonly ingress?: readonly { readonly ip?: string }[] } }
}

interface List<T> {
  readonly items: readonly T[]
}

export interface Kubelb {
  /** How often the CCM has written an address. */
  readonly writes: () => number
  /** Envoys that run. */
  readonly serving: () => number
}

/** Plays both until the signal. Services get addresses in the order in which they are seen. */
export function playKubelb({ lab }: Cluster, nodes: readonly string[], signal: AbortSignal): Kubelb {
  const envoys = new Map<string, ChildProcess>()
  const addresses = new Map<string, string>()
  let writes = 0
  const get = async <T>(path: string) => (await lab.api.request(path, {}, signal)) as T

  async function reconcile({ metadata, spec, status }: Service): Promise<void> {
    const { name, uid, finalizers = [] } = metadata
    const address = addresses.get(uid) ?? `${FIRST_ADDRESS.net}.${FIRST_ADDRESS.last + addresses.size}`
    const path = `/api/v1/namespaces/default/services/${name}`
    if (!finalizers.includes(FINALIZER)) {
      const body = { metadata: { finalizers: [...finalizers, FINALIZER] } }
      await lab.api.request(path, { method: 'PATCH', body }, signal)
    }
    if (!addresses.has(uid)) {
      addresses.set(uid, address)
      const body = { apiVersion: 'kubelb.k8c.io/v1alpha1', kind: 'LoadBalancer', metadata: { name: uid } }
      await lab.api.request(LOAD_BALANCERS, { method: 'POST', body }, signal)
      envoys.set(uid, startEnvoy(uid, address, spec.ports, nodes))
    }
    if (status.loadBalancer.ingress?.[0]?.ip === address) return
    writes++
    const body = { status: { loadBalancer: { ingress: [{ ip: address }] } } }
    await lab.api.request(`${path}/status`, { method: 'PATCH', body }, signal)
  }

  async function playCcm(): Promise<void> {
    const path = '/apis/apps/v1/namespaces/kubelb/deployments/kubelb-ccm'
    const ccm = await get<{ readonly spec: { readonly replicas: number } }>(path).catch(() => undefined)
    if (ccm === undefined || ccm.spec.replicas === 0) return
    const { items } = await get<List<Service>>('/api/v1/namespaces/default/services')
    for (const one of items.filter(({ spec }) => spec.type === 'LoadBalancer')) await reconcile(one)
  }

  async function playManager(): Promise<void> {
    const { items } = await get<List<Service>>(LOAD_BALANCERS)
    const left = new Set(items.map(({ metadata }) => metadata.name))
    for (const [uid, envoy] of envoys) {
      if (left.has(uid)) continue
      envoy.kill('SIGKILL')
      envoys.delete(uid)
    }
  }

  const play = async () => {
    for (;;) {
      // As controllers do: what fails is tried again.
      await playCcm()
        .then(playManager)
        .catch(() => {})
      await sleep(200)
    }
  }
  void play()
  return { writes: () => writes, serving: () => envoys.size }
}

function startEnvoy(
  uid: string,
  address: string,
  ports: Service['spec']['ports'],
  nodes: readonly string[],
): ChildProcess {
  const type = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy'
  const listeners = ports.map(({ port }) => ({
    name: `${port}`,
    ...socketAt(address, port),
    filter_chains: [
      {
        filters: [{ name: 'tcp', typed_config: { '@type': type, stat_prefix: `${port}`, cluster: `${port}` } }],
      },
    ],
  }))
  const clusters = ports.map(({ port, nodePort }) => ({
    name: `${port}`,
    type: 'STATIC',
    connect_timeout: '5s',
    load_assignment: {
      cluster_name: `${port}`,
      endpoints: [{ lb_endpoints: nodes.map((node) => ({ endpoint: socketAt(node, nodePort) })) }],
    },
  }))
  const file = join('/run', `${uid}.json`)
  writeFileSync(file, JSON.stringify({ static_resources: { listeners, clusters } }))
  const argv = ['-c', file, '--log-level', 'error', '--disable-hot-restart', '--concurrency', '1']
  return spawn(process.env['LAB_PROGRAM'] ?? 'envoy', argv, { stdio: 'ignore' })
}

function socketAt(host: string, port: number): object {
  return { address: { socket_address: { address: host, port_value: port } } }
}
