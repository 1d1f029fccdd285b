/** A real API server, a real operator and a real edge with HAProxy, for examples that name addresses of documentations. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import type { Driver } from '../../src/model/driver.ts'
import type { Table } from '../../src/model/table.ts'
import { startSite } from '../contract/edge-harness.ts'
import { local } from '../contract/net.ts'
import { makeHaproxy } from '../edge-lab/haproxy.ts'
import { type Lab, startLab } from '../lab/lab.ts'
import { toStderr } from '../lab/progress.ts'
import { waitFor } from '../lab/wait.ts'
import { startOperator } from '../resilience/operators.ts'

/** Documented addresses that the examples get, and where a test may bind them. */
const BOUND: Readonly<Record<string, string>> = {
  '203.0.113.2': local(2),
  '203.0.113.5': local(5),
  '203.0.113.10': local(10),
  '2001:db8::2': '::1',
}
const NODES = [
  { name: 'n1', labels: { zone: 'a' }, internal: '10.1.0.1', external: '198.51.100.1' },
  { name: 'n2', labels: { zone: 'b', gpu: 'yes' }, internal: '10.1.0.2', external: '198.51.100.2' },
] as const
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'
export const EVENTS = '/api/v1/namespaces/default/events'
export const SERVICES = '/api/v1/namespaces/default/services'
/** Of the only pod that there is, on n1. */
export const POD = '10.244.1.7'

interface Manifest {
  readonly metadata: { readonly name: string }
  readonly spec: { readonly ports: readonly { readonly name: string; readonly targetPort: number | string }[] }
}

/** Where pods listen by a name. */
const NAMED_PORT = 8443

export interface World {
  readonly lab: Lab
  /** Creates what an example holds, and gives the Services' names. */
  apply(manifests: string, signal: AbortSignal): Promise<readonly string[]>
  remove(names: readonly string[], signal: AbortSignal): Promise<void>
  /** What the edge serves of it. */
  table(signal: AbortSignal): Promise<Table>
  stop(): Promise<void>
}

interface Configuration {
  readonly cluster: string
  readonly classes: readonly { readonly name: string; readonly proxies: readonly object[] }[]
}

/** Starts all of it. `document` is the fairway.yaml of the examples; the proxy is ours. */
export async function startWorld(document: string, signal: AbortSignal): Promise<World> {
  const lab = await startLab({ mode: 'api', progress: toStderr }, signal)
  const dir = mkdtempSync(join(tmpdir(), 'fairway-docs-'))
  const publish = { publish: BOUND, addresses: Object.keys(BOUND) }
  const site = await startSite({ address: local(1), proxy: await makeHaproxy(), config: publish })
  const { cluster, classes } = parse(document) as Configuration
  const edge = { url: site.edge.url, tokenFile: site.edge.tokenFile(`${cluster}/*`), caFile: site.edge.caFile }
  const config = join(dir, 'fairway.yaml')
  const ours = { cluster, classes: classes.map((one) => ({ ...one, proxies: [{ name: 'edge-1', edge }] })) }
  writeFileSync(config, JSON.stringify(ours))
  await addNodes(lab, signal)
  const operator = await startOperator({ name: 'operator', dir, config, kubeconfig: lab.kubeconfig })
  const reader = readerOf(site.driver, cluster, classes[0]?.name ?? '', lab, signal)
  await waitFor('the operator', () => operator.ready(), { timeoutMs: 20_000, daemons: [operator] }, signal)
  return {
    lab,
    apply: async (manifests, limit) => {
      const services = parseAllDocuments(manifests).map((one) => one.toJS() as Manifest)
      for (const service of services) await addSlice(lab, service, limit)
      await lab.kubectl(['apply', '-f', '-'], limit, { input: manifests })
      return services.map(({ metadata }) => metadata.name)
    },
    remove: async (names, limit) => {
      await lab.kubectl(['delete', 'service', ...names, '--wait=true', '--timeout=20s'], limit)
      for (const path of [SLICES, EVENTS]) await lab.api.request(path, { method: 'DELETE' }, limit)
    },
    table: async (limit) => (await (await reader).read(limit)).table,
    stop: async () => {
      await operator.end('SIGTERM')
      await site.close()
      await lab.stop(AbortSignal.timeout(30_000))
      rmSync(dir, { recursive: true })
    },
  }
}

/** Looks at the operator's own table. */
async function readerOf(
  driver: (settings: object) => Driver,
  cluster: string,
  className: string,
  lab: Lab,
  signal: AbortSignal,
): Promise<Driver> {
  const uid = (await lab.kubectl(['get', 'namespace', 'kube-system', '-o', 'jsonpath={.metadata.uid}'], signal)).trim()
  return driver({ owner: { cluster, className, uid } })
}

async function addNodes(lab: Lab, signal: AbortSignal): Promise<void> {
  for (const { name, labels, internal, external } of NODES) {
    const body = { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } }
    await lab.api.request('/api/v1/nodes', { method: 'POST', body }, signal)
    const addresses = [
      { type: 'InternalIP', address: internal },
      { type: 'ExternalIP', address: external },
    ]
    const status = { addresses, conditions: [{ type: 'Ready', status: 'True' }] }
    await lab.api.request(`/api/v1/nodes/${name}/status`, { method: 'PATCH', body: { status } }, signal)
  }
}

/** No controller runs here that would do it. */
async function addSlice(lab: Lab, { metadata, spec }: Manifest, signal: AbortSignal): Promise<void> {
  const { name } = metadata
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: spec.ports.map(({ name: port, targetPort }) => ({
      name: port,
      port: typeof targetPort === 'number' ? targetPort : NAMED_PORT,
      protocol: 'TCP',
    })),
    endpoints: [{ addresses: [POD], nodeName: 'n1', conditions: { ready: true } }],
  }
  await lab.api.request(SLICES, { method: 'POST', body: slice }, signal)
}
