/** A cluster, and beside it a bare machine with systemd in place of the lab's edge, for whoever follows the README. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { agnhostImage, productImage } from '../lab/images.ts'
import { type Lab, startLab } from '../lab/lab.ts'
import { run } from '../lab/process.ts'
import { buildProductImage } from '../lab/product-image.ts'
import { toStderr } from '../lab/progress.ts'
import { prepareMachine } from '../lab/requirements.ts'
import { cloneSources, writeSsh } from './clone.ts'
import { type Machine, startMachine } from './machine.ts'

export interface ReadmeWorld {
  readonly lab: Lab
  readonly machine: Machine
  /** The folder of a clean clone. */
  readonly clone: string
  /** Runs a command line there, as somebody would type it; gives what it printed. */
  readonly type: (line: string, signal: AbortSignal) => Promise<string>
  stop(): Promise<void>
}

const TYPES_WITHIN_MS = 300_000

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
    const clone = cloneSources(join(lab.dir, 'clone'))
    const bin = standIns(lab, started)
    await lab.kubectl(['apply', '-f', '-'], signal, { input: JSON.stringify(web()) })
    await lab.kubectl(['rollout', 'status', 'daemonset/web', '--timeout=90s'], signal, { timeoutMs: 100_000 })
    const type = async (line: string, limit: AbortSignal) => {
      const env = { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}`, KUBECONFIG: lab.kubeconfig }
      return run(['sh', '-c', `set -e; ${line}`], { cwd: clone, env, timeoutMs: TYPES_WITHIN_MS }, limit)
    }
    return { lab, machine: started, clone, type, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Programs that the lab has otherwise. There is no registry, and the image is on the nodes already: built from the same Dockerfile. */
function standIns(lab: Lab, machine: Machine): string {
  const dir = join(lab.dir, 'typed')
  mkdirSync(dir)
  writeSsh(dir, machine)
  writeFileSync(join(dir, 'docker'), '#!/bin/sh\ncase $1 in build | push) ;; *) exit 1 ;; esac\n', { mode: 0o755 })
  for (const program of ['kubectl', 'helm']) {
    writeFileSync(join(dir, program), `#!/bin/sh\nexec ${join(lab.binDir, program)} "$@"\n`, { mode: 0o755 })
  }
  return dir
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

/** A Service that nobody exposes yet, and its pods. */
function web(): object {
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
  const ports = [{ port: 80, targetPort: 8080 }]
  return {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      { ...set, spec: { selector: { matchLabels: labels }, template } },
      { ...service, spec: { type: 'LoadBalancer', selector: labels, ports } },
    ],
  }
}
