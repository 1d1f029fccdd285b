/** The demo on the whole lab: a cluster with pods, and the operator in one of them, installed by the chart from the image of the Dockerfile. */
import { relative, resolve } from 'node:path'
import { deployment, installArgs, operatorPods } from '../e2e/install.ts'
import { buildBinaries } from '../lab/build.ts'
import { agnhostImage } from '../lab/images.ts'
import { type Lab, startLab } from '../lab/lab.ts'
import type { ClusterNode } from '../lab/node.ts'
import { buildProductImage } from '../lab/product-image.ts'
import { toStderr } from '../lab/progress.ts'
import { prepareMachine } from '../lab/requirements.ts'
import { clusterBinaries } from '../lab/versions.ts'
import { apply, followed, showEvents, waitForAddress } from './light.ts'
import type { DemoProxy, ProxyKind } from './proxy.ts'
import { say, showCommand, showCurl, showKubectl } from './show.ts'

const ROOT = resolve(import.meta.dirname, '../..')
/** Enough to meet every pod, though each connection gets one at random. */
const TIMES = 30

const PODS = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        terminationGracePeriodSeconds: 1,
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: 'kubernetes.io/hostname',
            whenUnsatisfiable: 'ScheduleAnyway',
            labelSelector: { matchLabels: { app: 'web' } },
          },
        ],
        containers: [
          {
            name: 'web',
            image: agnhostImage,
            imagePullPolicy: 'Never',
            args: ['netexec', '--http-port=8080'],
            readinessProbe: { httpGet: { path: '/hostname', port: 8080 }, periodSeconds: 1 },
          },
        ],
      },
    },
  },
}

const SERVICE = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', annotations: { 'fairway.dev/class': 'public' } },
  spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
}

/** Runs the demo. `own` gets the lab as soon as there is one, so that it is stopped whatever happens. */
export async function runClusterDemo(
  kind: ProxyKind,
  own: (lab: Lab) => void,
  signal: AbortSignal,
): Promise<DemoProxy> {
  await prepareMachine(['cluster', 'image'], toStderr, signal)
  const [image] = await Promise.all([
    buildProductImage(toStderr, signal),
    kind.prepare(signal),
    buildBinaries(clusterBinaries, toStderr, signal),
  ])
  const lab = await startLab({ mode: 'cluster', images: [image], progress: toStderr }, signal)
  own(lab)
  say('A Kubernetes cluster runs, with three nodes.')
  await showKubectl(lab, ['get', 'nodes'], signal)
  const proxy = await kind.start(lab, signal)
  say('The operator comes by its chart, with the image of the Dockerfile:')
  await showInstall(lab, proxy, signal)
  await showKubectl(lab, ['get', 'pods', '--namespace', 'fairway', '--output', 'wide'], signal)
  await showServing(lab, signal)
  await showDeparture(lab, proxy, signal)
  say('Its story, as the Service and the operator tell it:')
  await showEvents(lab, ['--field-selector', 'involvedObject.kind=Service'], signal)
  await showKubectl(lab, ['logs', ...deployment, '--tail=5'], signal)
  return proxy
}

async function showInstall(lab: Lab, { config, values }: DemoProxy, signal: AbortSignal): Promise<void> {
  const args = installArgs(lab, config.inside, values)
  const shown = args.map((arg) => (arg.startsWith(ROOT) ? relative(ROOT, arg) : arg))
  showCommand(`helm ${shown.join(' ')}`, await lab.helm(args, signal))
}

async function showServing(lab: Lab, signal: AbortSignal): Promise<void> {
  say('A pod on each node, and a Service of type LoadBalancer that asks for the class "public":')
  await apply(lab, PODS, signal)
  await lab.kubectl(['rollout', 'status', 'deployment/web', '--timeout=60s'], signal, { timeoutMs: 70_000 })
  await showPods(lab, signal)
  await apply(lab, SERVICE, signal)
  await showAnswers(lab, signal)
}

/** An administrator takes a node out of service, as it should be done. */
async function showDeparture(lab: Lab, proxy: DemoProxy, signal: AbortSignal): Promise<void> {
  const leaving = await nodeWithoutOperator(lab, signal)
  say(`Node ${leaving.name} leaves the cluster, and the proxy follows:`)
  await proxy.show(signal)
  const drain = ['drain', leaving.name, '--ignore-daemonsets']
  await showKubectl(lab, drain, signal)
  await proxy.show(signal)
  await showKubectl(lab, ['delete', 'node', leaving.name], signal)
  await followed(proxy, leaving.addresses.v4, signal)
  await proxy.show(signal)
  await lab.kubectl(['rollout', 'status', 'deployment/web', '--timeout=60s'], signal, { timeoutMs: 70_000 })
  await showPods(lab, signal)
  await showAnswers(lab, signal)
}

async function nodeWithoutOperator(lab: Lab, signal: AbortSignal): Promise<ClusterNode> {
  const [pod] = await operatorPods(lab, signal)
  const node = lab.nodes.findLast(({ name }) => name !== pod?.spec.nodeName)
  if (node === undefined) throw new Error('the operator runs on every node')
  return node
}

async function showPods(lab: Lab, signal: AbortSignal): Promise<void> {
  const columns = 'custom-columns=NAME:.metadata.name,NODE:.spec.nodeName'
  await showKubectl(lab, ['get', 'pods', '-l', 'app=web', '-o', columns], signal)
}

async function showAnswers(lab: Lab, signal: AbortSignal): Promise<void> {
  const address = await waitForAddress(lab, 'web', signal)
  await showKubectl(lab, ['get', 'svc', 'web'], signal)
  await showCurl(lab, 'client', `http://${address}/hostname`, TIMES, signal)
}
