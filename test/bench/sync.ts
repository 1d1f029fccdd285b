/** From the start of the caches until all are full, at 5,000 Services, 5,000 EndpointSlices and 1,000 nodes. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Lab, startLab } from '../lab/lab.ts'
import { step, toStderr } from '../lab/progress.ts'
import { bundleInto, operatorEnv, operatorFlags } from './edge-bundle.ts'
import { inLanes } from './reaction-cluster.ts'
import { atMost, figure, median, type Row } from './table.ts'

const SERVICES = 5_000
const NODES = 1_000
const RUNS = 5
const IN_FLIGHT = 16

interface Measured {
  readonly ms: number
  readonly mebibytes: number
  readonly objects: number
}

export async function benchSync(signal: AbortSignal): Promise<readonly Row[]> {
  const dir = mkdtempSync(join(tmpdir(), 'fairway-bench-'))
  const lab = await startLab({ mode: 'api', progress: toStderr }, signal)
  try {
    // The image runs a bundle, so that is what is measured.
    const program = bundleInto(dir, join(import.meta.dirname, 'sync-main.ts'))
    await step(toStderr, 'creating objects', () => fill(lab, signal))
    const flags = operatorFlags()
    const measure = (mode: string): Measured => {
      const { stdout, status } = spawnSync(process.execPath, [...flags, program, mode, lab.kubeconfig], {
        stdio: ['ignore', 'pipe', 'inherit'],
        timeout: 120_000,
        env: { ...process.env, ...operatorEnv() },
      })
      if (status !== 0) throw new Error(`${mode} ended with ${status}`)
      return JSON.parse(stdout.toString()) as Measured
    }
    const expected = 2 * SERVICES + NODES
    const bare: Measured[] = []
    const caches: Measured[] = []
    // In turn, so that a busy moment of the machine meets both.
    for (let run = 0; run < RUNS; run++) {
      bare.push(measure('bare'))
      caches.push(measure('caches'))
    }
    const short = [...bare, ...caches].find(({ objects }) => objects < expected)
    if (short !== undefined) throw new Error(`only ${short.objects} of ${expected} objects were read`)
    return rows(bare, caches)
  } finally {
    await lab.stop(AbortSignal.timeout(30_000))
    rmSync(dir, { recursive: true })
  }
}

function rows(bare: readonly Measured[], caches: readonly Measured[]): readonly Row[] {
  const bareMs = median(bare.map(({ ms }) => ms))
  const syncMs = median(caches.map(({ ms }) => ms))
  return [
    figure('bare paged GET of the same lists', bareMs, 'ms'),
    figure('start of the caches to synced', syncMs, 'ms'),
    atMost('synced ÷ bare paged GET', syncMs / bareMs, '', 2),
    figure('resident after the bare GET', median(bare.map(({ mebibytes }) => mebibytes)), 'MiB'),
    atMost('resident with full caches', median(caches.map(({ mebibytes }) => mebibytes)) * 1.048_576, 'MB', 120),
  ]
}

async function fill(lab: Lab, signal: AbortSignal): Promise<void> {
  const create = (path: string, body: object) => lab.api.request(path, { method: 'POST', body }, signal)
  const work = [
    ...Array.from({ length: NODES }, (_, n) => () => createNode(lab, n, signal)),
    ...Array.from({ length: SERVICES }, (_, n) => async () => {
      await create('/api/v1/namespaces/default/services', service(n))
      await create('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', slice(n))
    }),
  ]
  await inLanes(work, IN_FLIGHT)
}

async function createNode(lab: Lab, n: number, signal: AbortSignal): Promise<void> {
  const name = `node-${n}`
  const address = `10.${16 + (n >> 8)}.${n & 255}.1`
  await lab.api.request(
    '/api/v1/nodes',
    { method: 'POST', body: { metadata: { name, labels: { zone: `z${n % 3}` } } } },
    signal,
  )
  const status = { addresses: [{ type: 'InternalIP', address }], conditions: [{ type: 'Ready', status: 'True' }] }
  await lab.api.request(`/api/v1/nodes/${name}/status`, { method: 'PATCH', body: { status } }, signal)
}

/** ClusterIP: 5,000 of them fit into the range of Service addresses, and node ports would not. */
function service(n: number): object {
  const metadata = { name: `service-${n}`, annotations: { 'fairway.dev/class': 'public' }, labels: { app: `app-${n}` } }
  const spec = {
    selector: { app: `app-${n}` },
    ports: [
      { name: 'https', port: 443 },
      { name: 'http', port: 80 },
    ],
  }
  return { metadata, spec }
}

function slice(n: number): object {
  const metadata = { name: `service-${n}-1`, labels: { 'kubernetes.io/service-name': `service-${n}` } }
  const endpoints = [0, 1, 2].map((i) => ({
    addresses: [`10.${64 + ((3 * n + i) >> 16)}.${((3 * n + i) >> 8) & 255}.${(3 * n + i) & 255}`],
    conditions: { ready: true, serving: true, terminating: false },
    nodeName: `node-${(n + i) % NODES}`,
  }))
  return { metadata, addressType: 'IPv4', endpoints, ports: [{ name: 'https', port: 8443, protocol: 'TCP' }] }
}
