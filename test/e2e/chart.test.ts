/** The chart from its installation to its end, on a cluster of its own: each step as a user takes it, with Helm alone. */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { buildCaddy } from '../lab/build.ts'
import { type Lab, startLab } from '../lab/lab.ts'
import { buildProductImage } from '../lab/product-image.ts'
import { toStderr } from '../lab/progress.ts'
import { startCaddy } from '../lab/proxy-caddy.ts'
import { prepareMachine } from '../lab/requirements.ts'
import { waitFor } from '../lab/wait.ts'
import { addresses, pool } from './config.ts'
import { createEdge, type Edge } from './edge.ts'
import { deployment, installArgs, operatorPods, release } from './install.ts'
import { type Service, webPort } from './objects.ts'
import { createServices, type Services } from './services.ts'
import { createTraffic, type Probe, startProbe, type Traffic } from './traffic.ts'
import { applyAll, workloads } from './workloads.ts'

// Another lab may have to end first, and the image to be built.
const STARTS_WITHIN_MS = 1_500_000
const TAKES_AT_MOST_MS = 150_000
const PORT = 150
const SYSCTLS = resolve(import.meta.dirname, '../../deploy/caddy/99-fairway.conf')
const IN_NAMESPACE = ['--namespace', release.namespace] as const

interface World {
  readonly lab: Lab
  readonly edge: Edge
  readonly config: object
  readonly services: Services
  readonly traffic: Traffic
}

let world: World | undefined
let probe: Probe | undefined
const ending = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => ending.abort(new Error(`ended by ${name}`)))

before(
  async () => {
    world = await startWorld(ending.signal)
  },
  { timeout: STARTS_WITHIN_MS },
)

after(
  async () => {
    await world?.lab.stop(AbortSignal.timeout(90_000))
  },
  { timeout: 120_000 },
)

async function startWorld(signal: AbortSignal): Promise<World> {
  await prepareMachine(['cluster', 'image'], toStderr, signal)
  const [image, { caddy: program }] = await Promise.all([
    buildProductImage(toStderr, signal),
    buildCaddy(toStderr, signal),
  ])
  const lab = await startLab({ mode: 'cluster', nodes: 2, images: [image], progress: toStderr }, signal)
  try {
    await lab.inNamespace('edge', ['sysctl', '-qp', SYSCTLS], signal)
    const caddy = await startCaddy(lab, { program, config: {} }, signal)
    const restricted = { 'pod-security.kubernetes.io/enforce': 'restricted' }
    const own = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: release.namespace, labels: restricted } }
    const credentials = { name: 'fairway-edge-1', namespace: release.namespace }
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: credentials, stringData: { token: 'of no use here' } }
    await applyAll(lab, [own, secret, ...workloads()], signal)
    const proxies = [{ name: 'edge-1', caddy: { url: caddy.adminUrl, insecure: true } }]
    const classes = [{ name: 'public', pools: pool(addresses.publicFirst), proxies }]
    const [services, traffic] = [createServices(lab.api), createTraffic(lab)]
    return { lab, edge: createEdge(lab, caddy), config: { cluster: 'lab', classes }, services, traffic }
  } catch (error) {
    await lab.stop(AbortSignal.timeout(60_000))
    throw error
  }
}

interface Step extends World {
  readonly signal: AbortSignal
}

function step(title: string, body: (step: Step) => Promise<void>): void {
  test(title, { timeout: TAKES_AT_MOST_MS + 30_000 }, async () => {
    if (world === undefined) throw new Error('the lab did not start')
    const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(TAKES_AT_MOST_MS)])
    try {
      await body({ ...world, signal })
    } catch (error) {
      process.stderr.write(await describe(world.lab))
      throw error
    }
  })
}

async function describe(lab: Lab): Promise<string> {
  const late = AbortSignal.timeout(20_000)
  const asked = [
    ['get', 'all,events', ...IN_NAMESPACE],
    ['logs', ...deployment, '--tail=30'],
    ['logs', ...IN_NAMESPACE, 'job/fairway-uninstall', '--tail=30'],
  ]
  const told = asked.map(async (args) => lab.kubectl(args, late).catch((error: Error) => error.message))
  return `${(await Promise.all(told)).join('\n')}\n`
}

/** All that two replicas are for; Kubernetes is new enough for the policy. */
const MORE = {
  replicas: 2,
  proxySecrets: [{ name: 'edge-1', secretName: 'fairway-edge-1' }],
  page: { enabled: true },
  podDisruptionBudget: { enabled: true },
  validatingAdmissionPolicy: { enabled: true },
  networkPolicy: { enabled: true },
}

function install({ lab, config, signal }: Step, more: object = {}): Promise<string> {
  return lab.helm(installArgs(lab, config, more), signal)
}

function upgrade({ lab, config, signal }: Step, more: object): Promise<string> {
  const [, ...args] = installArgs(lab, config, more)
  return lab.helm(['upgrade', ...args], signal)
}

function uninstall({ lab, signal }: Step): Promise<string> {
  return lab.helm(['uninstall', release.name, ...IN_NAMESPACE, '--wait', '--timeout', '120s'], signal)
}

async function isServed({ services, traffic, signal }: Step): Promise<void> {
  equal(await services.addressOf('web', signal), addresses.publicFirst)
  match(await traffic.answers(addresses.publicFirst, PORT, '/hostname', signal), /^web-/)
}

function isFinalized({ metadata }: Service): boolean {
  return (metadata.finalizers ?? []).length === 1
}

/** What of the release is left in the cluster, whatever its kind. */
async function leftOvers({ lab, signal }: Step): Promise<string> {
  const kinds = 'deploy,rs,pods,svc,cm,sa,roles,rolebindings,jobs,pdb,netpol'
  const own = await lab.kubectl(
    ['get', kinds, ...IN_NAMESPACE, '-l', 'app.kubernetes.io/instance', '-o', 'name'],
    signal,
  )
  const wide = 'clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings'
  return own + (await lab.kubectl(['get', wide, '-l', 'app.kubernetes.io/instance', '-o', 'name'], signal))
}

step('installs, and helm test finds it ready', async (one) => {
  await install(one)
  match(await one.lab.helm(['test', release.name, ...IN_NAMESPACE], one.signal), /Phase:\s+Succeeded/)
  await one.services.create({ name: 'web', ports: webPort(PORT) }, one.signal)
  await isServed(one)
  probe = startProbe(one.lab, 'chart', [`http://${addresses.publicFirst}:${PORT}/hostname`])
})

step('upgrades to everything that is optional', async (one) => {
  const { lab, services, signal } = one
  await upgrade(one, MORE)
  // Those of before end after Helm has done.
  const two = async (limit: AbortSignal) => (await operatorPods(lab, limit)).length === 2
  await waitFor('two pods to be left', two, { timeoutMs: 45_000, intervalMs: 500 }, signal)
  const token = `process.stdout.write(fs.readFileSync('/etc/fairway/edge-1/token'))`
  equal(await lab.kubectl(['exec', ...deployment, '--', 'node', '--eval', token], signal), 'of no use here')
  match(await lab.helm(['test', release.name, ...IN_NAMESPACE], signal), /Phase:\s+Succeeded/)
  const refused = async () => {
    const annotations = { 'fairway.dev/class': 'publik' }
    const made = services.create({ name: 'typo', annotations, ports: webPort(PORT + 1) }, signal)
    const reason = await made.then(
      () => '',
      (error: Error) => error.message,
    )
    if (reason === '') await services.remove('typo', signal)
    return /fairway\.dev\/class: name one of public/.test(reason)
  }
  await waitFor('the admission policy to be enforced', refused, { timeoutMs: 30_000 }, signal)
  await isServed(one)
})

step('rolls back', async (one) => {
  const { lab, signal } = one
  await lab.helm(['rollback', release.name, '1', ...IN_NAMESPACE, '--wait', '--timeout', '120s'], signal)
  const alone = async (limit: AbortSignal) => (await operatorPods(lab, limit)).length === 1
  await waitFor('one pod to be left', alone, { timeoutMs: 45_000, intervalMs: 500 }, signal)
  await isServed(one)
})

step('uninstall keeps what is served, and nothing of it hinders a Service from being deleted', async (one) => {
  const { lab, services, edge, signal } = one
  const served = await edge.servers(signal)
  await uninstall(one)
  equal(await leftOvers(one), '')
  deepEqual(await edge.servers(signal), served)
  const { metadata } = await services.get('web', signal)
  deepEqual(metadata.finalizers ?? [], [])
  await isServed(one)
  await services.create({ name: 'unserved', ports: webPort(PORT + 2) }, signal)
  await services.remove('unserved', signal)
  equal((await lab.kubectl(['get', 'pods', ...IN_NAMESPACE, '-o', 'name'], signal)).trim(), '')
})

step('a new installation takes up what was kept, without a gap', async (one) => {
  await install(one, { uninstall: 'drain' })
  await one.services.until('web', 'to be ours again', isFinalized, one.signal)
  await isServed(one)
  await probe?.steadySince(0, one.signal)
  await probe?.stop(one.signal)
})

step('uninstall drains when it is told to', async (one) => {
  const { lab, services, edge, traffic, signal } = one
  const servers = await edge.servers(signal)
  ok(Object.keys(servers).length === 1)
  await uninstall(one)
  equal(await leftOvers(one), '')
  deepEqual(await edge.servers(signal), {})
  await services.released('web', signal)
  await traffic.refused(addresses.publicFirst, PORT, signal)
  equal((await lab.kubectl(['get', 'pods', ...IN_NAMESPACE, '-o', 'name'], signal)).trim(), '')
})
