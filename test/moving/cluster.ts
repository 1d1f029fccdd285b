/** A real API server with Nodes and Services that documents find there, and what stands in for kubelets: the operator's pod is a process. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Lab, startLab } from '../lab/lab.ts'
import { toStderr } from '../lab/progress.ts'
import { waitFor } from '../lab/wait.ts'
import { type OperatorProcess, startOperator } from '../resilience/operators.ts'

/** Where the pod has its files, and where the shim of `kubectl exec` looks. */
const POD = '/etc/fairway'
const RELEASE = 'fairway'

export interface Cluster {
  readonly lab: Lab
  readonly apply: (...objects: readonly object[]) => Promise<void>
  /** The operator's log, or why there is none. */
  readonly log: () => Promise<string>
}

export async function startCluster(signal: AbortSignal): Promise<Cluster> {
  const lab = await startLab({ mode: 'api', progress: toStderr }, signal)
  process.env['KUBECONFIG'] = lab.kubeconfig
  for (const name of ['CACHE', 'CONFIG', 'DATA']) process.env[`HELM_${name}_HOME`] = join(lab.dir, 'helm')
  const apply = async (...objects: readonly object[]) => {
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
    await lab.kubectl(['apply', '-f', '-'], signal, { input })
  }
  let operator: OperatorProcess | undefined
  let failure: unknown = 'the operator was not installed'
  const playKubelet = async () => {
    await waitFor(
      'the operator to be installed',
      async () => (await readDeployment(lab, signal)) || undefined,
      { timeoutMs: 300_000 },
      signal,
    )
    await mountPod(lab, signal)
    const config = join(POD, 'fairway.yaml')
    operator = await startOperator({ name: 'operator', dir: '/run', config, kubeconfig: lab.kubeconfig })
  }
  playKubelet().catch((error: unknown) => {
    failure = error
  })
  return { lab, apply, log: async () => (await operator?.log()) ?? String(failure) }
}

async function readDeployment(lab: Lab, signal: AbortSignal): Promise<string> {
  return lab.kubectl(['get', 'deployment', RELEASE, '-n', RELEASE, '--ignore-not-found', '-o', 'name'], signal)
}

/** Its ConfigMap, and each Secret of a proxy as the chart mounts it. */
async function mountPod(lab: Lab, signal: AbortSignal): Promise<void> {
  const get = async (...words: readonly string[]) =>
    JSON.parse(await lab.kubectl(['get', ...words, '-n', RELEASE, '-o', 'json'], signal)) as {
      readonly items: readonly {
        readonly metadata: { readonly name: string }
        readonly data?: Record<string, string>
      }[]
    }
  for (const { metadata, data = {} } of (await get('secrets')).items) {
    const [, proxy] = /^fairway-(edge-.*)$/.exec(metadata.name) ?? []
    if (proxy === undefined) continue
    mkdirSync(join(POD, proxy), { recursive: true })
    for (const [key, value] of Object.entries(data)) writeFileSync(join(POD, proxy, key), Buffer.from(value, 'base64'))
  }
  const { items } = await get('configmaps')
  const text = items.find(({ metadata }) => metadata.name === RELEASE)?.data?.['fairway.yaml'] ?? ''
  writeFileSync(join(POD, 'fairway.yaml'), text)
}

/** Nodes that are ready, by name; each has its addresses as `InternalIP 10.1.0.3`. */
export async function createNodes(
  { lab }: Cluster,
  nodes: Readonly<Record<string, readonly string[]>>,
  signal: AbortSignal,
): Promise<void> {
  for (const [name, texts] of Object.entries(nodes)) {
    const addresses = texts.map((text) => ({ type: text.split(' ')[0], address: text.split(' ')[1] }))
    const conditions = [{ type: 'Ready', status: 'True' }]
    const body = { apiVersion: 'v1', kind: 'Node', metadata: { name } }
    await lab.api.request('/api/v1/nodes', { method: 'POST', body }, signal)
    await lab.api.request(
      `/api/v1/nodes/${name}/status`,
      { method: 'PATCH', body: { status: { addresses, conditions } } },
      signal,
    )
    // Nobody else takes the taint of a new one away.
    await lab.api.request(`/api/v1/nodes/${name}`, { method: 'PATCH', body: { spec: { taints: null } } }, signal)
  }
}

/** A Service; each port as `http 80 30080`, without a node port `http 80`. */
export function service(name: string, ports: readonly string[], spec: object = { type: 'NodePort' }): object {
  const list = ports.map((text) => {
    const [label, port, nodePort] = text.split(' ')
    return { name: label, port: Number(port), ...(nodePort === undefined ? {} : { nodePort: Number(nodePort) }) }
  })
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec: { ports: list, ...spec } }
}

/** Ready endpoints of a Service. */
export function endpointSlice(name: string, addresses: readonly string[], ports: readonly string[]): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: ports.map((text) => ({ name: text.split(' ')[0], port: Number(text.split(' ')[1]), protocol: 'TCP' })),
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  }
}
