/** The demo on the least that is real: API server, proxy, operator; a process in each node namespace answers in place of kube-proxy and pods. */
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { buildBinaries } from '../lab/build.ts'
import { freePort } from '../lab/free-port.ts'
import { type Lab, startLab } from '../lab/lab.ts'
import { toStderr } from '../lab/progress.ts'
import { prepareMachine } from '../lab/requirements.ts'
import { tailFile } from '../lab/tail.ts'
import { apiBinaries } from '../lab/versions.ts'
import { waitFor } from '../lab/wait.ts'
import type { DemoProxy, ProxyKind } from './proxy.ts'
import { say, showCurl, showKubectl } from './show.ts'

const SOON = { timeoutMs: 30_000, intervalMs: 50 } as const
const MAIN = resolve(import.meta.dirname, '../../src/main.ts')

function serviceFor({ proxyProtocol }: DemoProxy): object {
  const annotations = { 'fairway.dev/class': 'public', 'fairway.dev/proxy-protocol': proxyProtocol }
  const ports = [{ name: 'http', port: 80, targetPort: 8080 }]
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', annotations },
    spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports },
  }
}

/** Runs the demo. `own` gets the lab as soon as there is one, so that it is stopped whatever happens. */
export async function runLightDemo(kind: ProxyKind, own: (lab: Lab) => void, signal: AbortSignal): Promise<DemoProxy> {
  await prepareMachine(['demo'], toStderr, signal)
  await Promise.all([kind.prepare(signal), buildBinaries(apiBinaries, toStderr, signal)])
  const lab = await startLab({ mode: 'demo', progress: toStderr }, signal)
  own(lab)
  say(
    "A Kubernetes API server runs, with three nodes. In this demo a small process in each node's network namespace answers at\nthe node ports, in place of kube-proxy and pods (`npm run demo -- --cluster` has those too).",
  )
  const columns = 'custom-columns=NAME:.metadata.name,INTERNAL-IP:.status.addresses[0].address'
  await showKubectl(lab, ['get', 'nodes', '-o', columns], signal)
  const proxy = await kind.start(lab, signal)
  await startOperator(lab, proxy.config.outside, signal)
  say(
    `The operator runs. Now a Service of type LoadBalancer asks for the class "public", and for PROXY protocol ${proxy.proxyProtocol},\nso that its pods learn the address of the client, 203.0.113.9:`,
  )
  await apply(lab, serviceFor(proxy), signal)
  const address = await waitForAddress(lab, 'web', signal)
  await showKubectl(lab, ['get', 'svc', 'web'], signal)
  await showCurl(lab, 'client', `http://${address}/`, 9, signal)
  say('A node leaves the cluster, and the proxy follows:')
  await proxy.show(signal)
  await showKubectl(lab, ['delete', 'node', 'n3'], signal)
  await followed(proxy, '10.1.0.3', signal)
  await proxy.show(signal)
  await showCurl(lab, 'client', `http://${address}/`, 9, signal)
  say('Its story, as the Service tells it:')
  await showEvents(lab, ['--field-selector', 'involvedObject.name=web'], signal)
  return proxy
}

/** Waits until a proxy leads to a node no more. */
export async function followed(proxy: DemoProxy, node: string, signal: AbortSignal): Promise<void> {
  const probe = async (limit: AbortSignal) => !(await proxy.leadsTo(node, limit))
  await waitFor('the proxy to follow', probe, { timeoutMs: 15_000, intervalMs: 50 }, signal)
}

/** Shows Events as a table of three columns. */
export async function showEvents(lab: Lab, which: readonly string[], signal: AbortSignal): Promise<void> {
  const columns = 'custom-columns=TYPE:.type,REASON:.reason,MESSAGE:.message'
  await showKubectl(lab, ['get', 'events', ...which, '-o', columns], signal)
}

async function startOperator(lab: Lab, config: object, signal: AbortSignal): Promise<void> {
  const file = join(lab.dir, 'fairway.yaml')
  writeFileSync(file, JSON.stringify(config, undefined, 2))
  const files = ['--config', file, '--kubeconfig', lab.kubeconfig]
  const port = await freePort('::')
  const operator = lab.spawn('host', 'fairway', [process.execPath, MAIN, 'run', ...files, '--health-port', `${port}`])
  const ready = async (limit: AbortSignal) => {
    if (operator.exitCode() !== undefined) return 'ended'
    return (await fetch(`http://127.0.0.1:${port}/readyz`, { signal: limit })).ok ? 'ready' : undefined
  }
  const state = await waitFor('the operator to be ready', ready, { timeoutMs: 20_000 }, signal)
  if (state === 'ended') throw new Error(`the operator ended:\n${await tailFile(operator.logFile)}`)
}

/** Applies a manifest. */
export async function apply(lab: Lab, manifest: object, signal: AbortSignal): Promise<void> {
  const file = join(lab.dir, 'manifest.json')
  writeFileSync(file, JSON.stringify(manifest))
  await showKubectl(lab, ['apply', '-f', file], signal)
}

/** Waits until a Service has an address in its status, and is answered there: nodes learn of it a moment after the proxy, which may not ask for their health. */
export async function waitForAddress(lab: Lab, service: string, signal: AbortSignal): Promise<string> {
  const read = async (limit: AbortSignal) =>
    (await lab.kubectl(['get', 'svc', service, '-o', 'jsonpath={.status.loadBalancer.ingress[0].ip}'], limit)).trim() ||
    undefined
  const address = await waitFor(`an address for Service ${service}`, read, SOON, signal)
  const ask = ['curl', '-sf', '-m', '5', '-o', '/dev/null', `http://${address}/`]
  const isAnswered = async (limit: AbortSignal) => (await lab.inNamespace('client', ask, limit)).code === 0
  await waitFor(`answers from ${address}`, isAnswered, SOON, signal)
  return address
}
