/** The operator as its users get it: the chart, with the image from the Dockerfile. */
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { productImage } from '../lab/images.ts'
import type { Lab } from '../lab/lab.ts'
import { waitFor } from '../lab/wait.ts'

export const release = { name: 'fairway', namespace: 'fairway' } as const
export const deployment = ['-n', release.namespace, 'deployment/fairway'] as const
const ownPods = ['-l', 'app.kubernetes.io/name=fairway'] as const
const configFile = 'fairway.yaml'
const chart = resolve(import.meta.dirname, '../../charts/fairway')

/**
 * Edits the configuration of the running operator, as `kubectl edit configmap` does. Its kubelet brings the edit when it looks at the pod next,
 * which takes up to a minute and a half unless the pod changes: so the pod does.
 */
export async function reconfigure(lab: Lab, config: object, signal: AbortSignal): Promise<void> {
  const text = JSON.stringify(config)
  const own = ['-n', release.namespace]
  const patch = JSON.stringify({ data: { [configFile]: text } })
  await lab.kubectl([...own, 'patch', 'configmap', release.name, '--type=merge', '-p', patch], signal)
  const arrived = async (limit: AbortSignal) => {
    const mark = `lab.example/seen=${Date.now()}`
    await lab.kubectl([...own, 'annotate', 'pods', ...ownPods, '--overwrite', mark], limit)
    // There is no shell in the image, and no cat.
    const print = `process.stdout.write(fs.readFileSync('/etc/fairway/${configFile}'))`
    const mounted = await lab.kubectl(['exec', ...deployment, '--', 'node', '--eval', print], limit)
    return mounted === text
  }
  await waitFor('the edit to reach the pod', arrived, { timeoutMs: 30_000, intervalMs: 500 }, signal)
}

/** Gives the arguments of `helm` that install the chart with this configuration, and with further values. */
export function installArgs(lab: Lab, config: object, more: object = {}): readonly string[] {
  const [repository, tag] = productImage.split(/:(?=[^/]*$)/)
  const values = { config, image: { repository, tag, pullPolicy: 'Never' }, ...more }
  const file = join(lab.dir, 'values.json')
  writeFileSync(file, JSON.stringify(values, undefined, 2))
  const where = ['--namespace', release.namespace, '--create-namespace']
  return ['install', release.name, chart, ...where, '--values', file, '--wait', '--timeout', '120s']
}

/** The pods of the operator that run or are about to. */
export async function operatorPods(lab: Lab, signal: AbortSignal): Promise<readonly OperatorPod[]> {
  const list = await lab.kubectl(['get', 'pods', '-n', release.namespace, ...ownPods, '-o', 'json'], signal)
  return (JSON.parse(list) as { readonly items: readonly OperatorPod[] }).items
}

/** Lines of its log at level error: a healthy operator has none, whatever users and proxies do. */
export async function operatorErrors(lab: Lab, signal: AbortSignal): Promise<readonly string[]> {
  const log = await lab.kubectl(['logs', ...deployment, '--tail=-1'], signal)
  return log.split('\n').filter((line) => line.includes('"level":"error"'))
}

export interface OperatorPod {
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly nodeName: string
    readonly serviceAccountName: string
    readonly containers: readonly { readonly image: string }[]
  }
  readonly status: {
    readonly podIP: string
    readonly containerStatuses: readonly { readonly restartCount: number }[]
  }
}
