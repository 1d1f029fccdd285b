/**
 * All that an operator does between its installation and its end, at a real API server and a real Caddy, with the rights that it is given. Whoever lacks one of
 * them is stopped, or complains.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorText } from '../../src/model/problems.ts'
import type { CaddyProcess } from '../contract/caddy-harness.ts'
import { freePort } from '../lab/free-port.ts'
import type { Lab } from '../lab/lab.ts'
import { waitFor } from '../lab/wait.ts'
import { fairway } from '../resilience/cli-rig.ts'
import { type OperatorProcess, startOperator } from '../resilience/operators.ts'
import { FULL_NAME, type Grant, grant, grantText } from './roles.ts'

export interface Ground {
  readonly lab: Lab
  readonly caddy: CaddyProcess
  readonly dir: string
  /** `127.64.3`: addresses of walks are in it. */
  readonly net: string
}

const STEP_MS = 60_000
/** What the operator says when the API server does not let it. */
const COMPLAINT = /"level":"(?:warn|error|fatal)".*"ApiForbidden"/
let count = 0

interface Walker extends Ground {
  readonly namespace: string
  readonly config: string
  readonly address: string
  readonly operators: OperatorProcess[]
  readonly kubeconfigs: Readonly<Record<Grant['account'], string>>
  readonly tokens: Readonly<Record<Grant['account'], string>>
  readonly signal: AbortSignal
}

/** Walks with these grants. Resolves with what went wrong; undefined: nothing. */
export async function walk(ground: Ground, grants: readonly Grant[], signal: AbortSignal): Promise<string | undefined> {
  const at = ++count
  const namespace = `walk-${at}`
  const tokens = await grant(ground.lab, namespace, grants, signal)
  const address = `${ground.net}.${at}`
  const config = join(ground.dir, `${namespace}.json`)
  writeFileSync(config, JSON.stringify(configuration(namespace, address, ground.caddy.adminUrl)))
  const kubeconfigs = {
    operator: kubeconfig(ground, `${namespace}-operator`, tokens.operator),
    uninstall: kubeconfig(ground, `${namespace}-uninstall`, tokens.uninstall),
    viewer: '',
  }
  const walker = { ...ground, namespace, address, config, tokens, kubeconfigs, operators: [], signal }
  try {
    await steps(walker)
    return await complaintOf(walker)
  } catch (error) {
    return errorText(error)
  } finally {
    await endOperators(walker)
    await clean(walker)
  }
}

function configuration(name: string, address: string, url: string): object {
  const proxies = [{ name: 'edge-1', caddy: { url, insecure: true } }]
  const one = { name, pools: [{ name: 'main', addresses: [address] }], proxies }
  return { cluster: name, classes: [one] }
}

function kubeconfig({ lab, dir }: Ground, name: string, token: string): string {
  const { server, caFile } = lab.controlPlane.access
  const file = join(dir, `${name}.kubeconfig`)
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'lab', cluster: { server, 'certificate-authority': caFile } }],
    users: [{ name: 'own', user: { token } }],
    contexts: [{ name: 'own', context: { cluster: 'lab', user: 'own' } }],
    'current-context': 'own',
  }
  writeFileSync(file, JSON.stringify(content))
  return file
}

async function steps(walker: Walker): Promise<void> {
  const page = `0.0.0.0:${await freePort('127.0.0.1')}`
  const first = await start(walker, 'first', page)
  await serve(walker)
  await follow(walker)
  await overwrite(walker)
  await tellMuch(walker)
  await look(walker, page)
  // The lead moves in good order: the Lease is released, and taken.
  await start(walker, 'second', undefined)
  await first.end('SIGTERM')
  await until(walker, 'the second one to lead', () => walker.operators[1]?.led() ?? Promise.resolve(false))
  await release(walker)
}

async function start(walker: Walker, name: string, page: string | undefined): Promise<OperatorProcess> {
  const { namespace, config, kubeconfigs, dir } = walker
  const argv = ['--lease-name', FULL_NAME, ...(page === undefined ? [] : ['--page', page])]
  const started = await startOperator({
    name: `${namespace}-${name}`,
    dir,
    config,
    kubeconfig: kubeconfigs.operator,
    leaseNamespace: namespace,
    argv,
  })
  walker.operators.push(started)
  await until(walker, `${name} to be ready`, () => started.ready())
  return started
}

/** Waits for something, or for a complaint. */
async function until(walker: Walker, what: string, holds: () => Promise<boolean>): Promise<void> {
  let complaint: string | undefined
  const over = async () => {
    complaint = await complaintOf(walker)
    return complaint !== undefined || (await holds().catch(() => false))
  }
  const daemons = walker.operators.filter((one) => one.exitCode() === undefined)
  await waitFor(what, over, { timeoutMs: STEP_MS, daemons }, walker.signal)
  if (complaint !== undefined) throw new Error(complaint)
}

async function complaintOf({ operators }: Walker): Promise<string | undefined> {
  const logs = await Promise.all(operators.map((one) => one.log()))
  return logs.flatMap((log) => log.split('\n')).find((line) => COMPLAINT.test(line))
}

interface Service {
  readonly status: { readonly loadBalancer: { readonly ingress?: readonly { readonly ip?: string }[] } }
}

const pathOf = ({ namespace }: Walker) => `/api/v1/namespaces/${namespace}`

async function create(walker: Walker, name: string, spec: object, annotations: object = {}): Promise<void> {
  const body = {
    metadata: { name, annotations },
    spec: { type: 'LoadBalancer', loadBalancerClass: `fairway.dev/${walker.namespace}`, ...spec },
  }
  await walker.lab.api.request(`${pathOf(walker)}/services`, { method: 'POST', body }, walker.signal)
}

async function shownAddress(walker: Walker, name: string): Promise<string | undefined> {
  const path = `${pathOf(walker)}/services/${name}`
  const { status } = (await walker.lab.api.request(path, {}, walker.signal)) as Service
  return status.loadBalancer.ingress?.[0]?.ip
}

async function serve(walker: Walker): Promise<void> {
  await create(walker, 'web', { ports: [{ port: 20_301 }] })
  await until(walker, 'web to be served', async () => (await shownAddress(walker, 'web')) === walker.address)
}

/** A node comes, and a pod of a Service that wants to be served by nodes with pods alone. */
async function follow(walker: Walker): Promise<void> {
  const { lab, namespace, caddy, signal } = walker
  const at = Number(namespace.split('-')[1])
  const [node, internal] = [`n-${namespace}`, `192.0.2.${at}`]
  await lab.api.request('/api/v1/nodes', { method: 'POST', body: { metadata: { name: node } } }, signal)
  const status = {
    addresses: [{ type: 'InternalIP', address: internal }],
    conditions: [{ type: 'Ready', status: 'True' }],
  }
  await lab.api.request(`/api/v1/nodes/${node}/status`, { method: 'PATCH', body: { status } }, signal)
  const server = (port: number) => `"fairway.${namespace}.${namespace}.tcp.${walker.address}.${port}"`
  const leads = async (port: number) => {
    const [, behind = ''] = (await caddy.adminText('GET', '/config/')).split(`${server(port)}:`)
    return behind.slice(0, behind.indexOf('"fairway.', 600)).includes(`"${internal}:`)
  }
  await until(walker, 'the node to be used', () => leads(20_301))
  await create(walker, 'local', { ports: [{ port: 20_302 }], externalTrafficPolicy: 'Local' })
  await until(walker, 'local to have an address', async () => (await shownAddress(walker, 'local')) !== undefined)
  const slice = {
    metadata: { name: 'local-1', labels: { 'kubernetes.io/service-name': 'local' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.244.0.7'], conditions: { ready: true }, nodeName: node }],
    ports: [{ name: '', protocol: 'TCP', port: 80 }],
  }
  const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`
  await lab.api.request(path, { method: 'POST', body: slice }, signal)
  await until(walker, 'the pod to be found', () => leads(20_302))
}

/** Somebody else claims the status, until he is named. */
async function overwrite(walker: Walker): Promise<void> {
  const { lab, signal } = walker
  const path = `${pathOf(walker)}/services/web/status?fieldManager=rival`
  const body = { status: { loadBalancer: { ingress: [{ ip: '198.51.100.9' }] } } }
  const isNamed = async () => (await eventsOf(walker)).some(({ message }) => message.includes('rival'))
  await until(walker, 'the rival to be named', async () => {
    if ((await shownAddress(walker, 'web')) === walker.address)
      await lab.api.request(path, { method: 'PATCH', body }, signal)
    return isNamed()
  })
}

interface Event {
  readonly message: string
  readonly count?: number
}

async function eventsOf(walker: Walker): Promise<readonly Event[]> {
  const list = (await walker.lab.api.request(`${pathOf(walker)}/events`, {}, walker.signal)) as {
    items: readonly Event[]
  }
  return list.items
}

/** More of one kind than are told one by one: the last ones raise a count. */
async function tellMuch(walker: Walker): Promise<void> {
  const names = ['sharing', 'families', 'balance', 'proxy-protocol', 'health-check', 'idle-timeout', 'max-connections']
  const more = ['health-check-interval', 'health-check-timeout', 'health-check-rise', 'health-check-fall', 'targets']
  const annotations = [...names, ...more].map((name) => [`fairway.dev/${name}`, 'nonsense'])
  await create(walker, 'strange', { ports: [{ port: 20_303 }] }, Object.fromEntries(annotations))
  await until(walker, 'Events to be counted', async () =>
    (await eventsOf(walker)).some(({ count: one = 0 }) => one > 1),
  )
}

/** Only whom the cluster knows and allows sees the page. */
async function look({ tokens, ...walker }: Walker, page: string): Promise<void> {
  const [, port] = page.split(':')
  await until({ tokens, ...walker }, 'the page to show', async () => {
    const headers = { authorization: `Bearer ${tokens.viewer}` }
    return (await fetch(`http://127.0.0.1:${port}/pulse.json`, { headers })).ok
  })
}

/** What `helm uninstall` runs: with a Lease that somebody has just given up, and with none. */
async function release(walker: Walker): Promise<void> {
  const { lab, namespace, config, kubeconfigs, signal } = walker
  await lab.api.request(
    `/apis/apps/v1/namespaces/${namespace}/deployments`,
    { method: 'POST', body: deployment() },
    signal,
  )
  await endOperators(walker)
  const at = ['--config', config, '--kubeconfig', kubeconfigs.uninstall, '--timeout', '15s']
  const lease = ['--lease-namespace', namespace, '--lease-name', FULL_NAME]
  const argv = ['release', '--drain', ...at, ...lease, '--stop-deployment', `${namespace}/${FULL_NAME}`]
  for (const leaseIs of ['there', 'gone']) {
    if (leaseIs === 'gone') {
      const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${FULL_NAME}`
      await lab.api.request(path, { method: 'DELETE' }, signal)
    }
    const { code, out, err } = await fairway(...argv)
    if (code !== 0) throw new Error(`release with a Lease ${leaseIs}: ${out}${err}`)
  }
  if ((await shownAddress(walker, 'web')) === walker.address) throw new Error('web still has its address')
}

function deployment(): object {
  const labels = { app: 'operator' }
  const template = { metadata: { labels }, spec: { containers: [{ name: 'operator', image: 'operator' }] } }
  return { metadata: { name: FULL_NAME }, spec: { replicas: 1, selector: { matchLabels: labels }, template } }
}

async function endOperators({ operators }: Walker): Promise<void> {
  for (const one of operators) await one.end('SIGTERM')
}

/** What would be in the way of other walks: the node of this one. */
async function clean({ lab, namespace, signal }: Walker): Promise<void> {
  await lab.api.request(`/api/v1/nodes/n-${namespace}`, { method: 'DELETE' }, signal).catch(() => {})
}

/** All grants but one. */
export function without(grants: readonly Grant[], missing: Grant): readonly Grant[] {
  return grants.filter((one) => grantText(one) !== grantText(missing))
}
