/** The operator as its users get it: the chart, with the image from the Dockerfile. */
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { productImage } from '../lab/images.ts'
import type { Lab } from '../lab/lab.ts'

export const release = { name: 'fairway', namespace: 'fairway' } as const
export const deployment = ['-n', release.namespace, 'deployment/fairway'] as const
const chart = resolve(import.meta.dirname, '../../charts/fairway')

/** Gives the arguments of `helm` that install the chart with this configuration. */
export function installArgs(lab: Lab, config: object): readonly string[] {
  const [repository, tag] = productImage.split(/:(?=[^/]*$)/)
  const values = { config, image: { repository, tag, pullPolicy: 'Never' } }
  const file = join(lab.dir, 'values.json')
  writeFileSync(file, JSON.stringify(values, undefined, 2))
  const where = ['--namespace', release.namespace, '--create-namespace']
  return ['install', release.name, chart, ...where, '--values', file, '--wait', '--timeout', '120s']
}

/** The pods of the operator that run or are about to. */
export async function operatorPods(lab: Lab, signal: AbortSignal): Promise<readonly OperatorPod[]> {
  const selector = ['-l', 'app.kubernetes.io/name=fairway']
  const list = await lab.kubectl(['get', 'pods', '-n', release.namespace, ...selector, '-o', 'json'], signal)
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
