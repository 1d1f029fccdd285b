/** A cluster, and beside it a bare machine with systemd in place of the lab's edge, for whoever follows the README. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { agnhostImage, productImage } from '../lab/images.ts'
import { type Lab, startLab } from '../lab/lab.ts'
import { run } from '../lab/process.ts'
import { buildProductImage } from '../lab/product-image.ts'
import { toStderr } from '../lab/progress.ts'
import { prepareMachine } from '../lab/requirements.ts'
import { waitFor } from '../lab/wait.ts'
import { type Desk, makeDesk } from './desk.ts'
import { type Machine, startMachine } from './machine.ts'

export interface ReadmeWorld extends Desk {
  readonly lab: Lab
  readonly machine: Machine
  stop(): Promise<void>
}

/** Starts it. `image` is what the README calls the image that it has people build and push. */
export async function startReadmeWorld(image: string, signal: AbortSignal): Promise<ReadmeWorld> {
  await prepareMachine(['cluster', 'image'], toStderr, signal)
  const archive = await buildProductImage(toStderr, signal)
  const lab = await startLab({ mode: 'cluster', progress: toStderr }, signal)
  let machine: Machine | undefined
  const stop = async () => {
    await machine?.stop()
    await lab.stop(AbortSignal.timeout(60_000))
  }
  try {
    await lab.loadImage(await renameImage(archive, image, lab.dir, signal), signal)
    const started = await startMachine('edge', signal)
    machine = started
    const desk = makeDesk(mkdtempSync(join(lab.dir, 'desk-')), lab, () => ({ '10.1.0.100': started }))
    await createWeb(lab, signal)
    return { ...desk, lab, machine: started, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The same archive for another name. */
async function renameImage(archive: string, name: string, dir: string, signal: AbortSignal): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), 'fairway-image-'))
  try {
    const renamed = join(dir, 'renamed.tar')
    const edit = `tar xf ${archive} && sed -i 's#${productImage}#${name}#' manifest.json && tar cf ${renamed} *`
    await run(['sh', '-c', edit], { cwd: work, timeoutMs: 120_000 }, signal)
    return renamed
  } finally {
    rmSync(work, { recursive: true })
  }
}

/** A Service that nobody exposes yet, with the node port of the documents, and its pods. */
export async function createWeb(lab: Lab, signal: AbortSignal): Promise<void> {
  const container = {
    name: 'web',
    image: agnhostImage,
    imagePullPolicy: 'Never',
    args: ['netexec', '--http-port=8080'],
  }
  const labels = { app: 'web' }
  const template = { metadata: { labels }, spec: { containers: [container] } }
  const set = { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'web' } }
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' } }
  const ports = [{ port: 80, targetPort: 8080, nodePort: 31_080 }]
  const items = [
    { ...set, spec: { selector: { matchLabels: labels }, template } },
    { ...service, spec: { type: 'LoadBalancer', selector: labels, ports } },
  ]
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  await lab.kubectl(['apply', '-f', '-'], signal, { input })
  await lab.kubectl(['rollout', 'status', 'daemonset/web', '--timeout=90s'], signal, { timeoutMs: 100_000 })
}

const SERVED_WITHIN = { timeoutMs: 90_000, intervalMs: 200 } as const

/** Sees that the Service has the first address of the pool, and that a client outside reaches a pod there. */
export async function served({ lab, type }: ReadmeWorld, signal: AbortSignal): Promise<void> {
  const shown = async (limit: AbortSignal) => (await type('kubectl get service web', limit)).includes(' 203.0.113.2 ')
  await waitFor('the address', shown, SERVED_WITHIN, signal)
  const ask = async (limit: AbortSignal) => {
    const { stdout } = await lab.inNamespace('client', ['curl', '-s', '-m', '3', 'http://203.0.113.2/hostname'], limit)
    return stdout.startsWith('web-')
  }
  await waitFor('an answer of http://203.0.113.2/', ask, SERVED_WITHIN, signal)
}
