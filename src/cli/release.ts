import type { Config } from '../config/schema.ts'
import type { KubeClient } from '../kube/client.ts'
import { ApiError } from '../kube/errors.ts'
import { readOnce } from '../kube/read-once.ts'
import { SERVICES } from '../kube/resources.ts'
import { clusterUid } from '../kube/status.ts'
import type { Problem } from '../model/problems.ts'
import {
  type DrainedProxy,
  type ReleaseMode,
  type ReleaseReport,
  releaseExit,
  releaseLines,
  releaseReport,
} from '../report/release.ts'
import type { Writing } from './drivers.ts'
import { lead } from './lead.ts'
import { type Report, withProgress } from './output.ts'
import { drainProxies } from './release-proxies.ts'
import { releaseServices } from './release-services.ts'
import { invalid, readConfig, type ViewFlags, withCluster } from './settings.ts'
import { SILENT } from './silent.ts'

export interface ReleaseFlags extends ViewFlags {
  readonly keep?: boolean
  readonly drain?: boolean
  /** `namespace/name` of the operator's Deployment, to be stopped first. */
  readonly stopDeployment?: string
  /** Where the operator's Lease is; absent: nobody else may be running. */
  readonly leaseNamespace?: string
  readonly leaseName: string
}

/**
 * `fairway release`: lets go of all Services, so that Fairway can be taken out of a cluster; with `drain` empties the proxies first. Nobody leads meanwhile
 * but this process. Rejects when it cannot begin: no mode, no configuration, no cluster, or an operator that does not give up the lead in time.
 */
export async function release(flags: ReleaseFlags, signal: AbortSignal): Promise<Report> {
  const mode = modeOf(flags)
  return withCluster(flags, async (client) => {
    const config = await readConfig(flags, client, signal)
    if (flags.stopDeployment !== undefined) await stopDeployment(client, flags.stopDeployment, signal)
    const report = await withProgress(
      'stopping the operator and letting go of its Services',
      asLeader(flags, client, signal, async (writing, limit) => {
        return letGo(client, config, mode, writing, limit)
      }),
    )
    return { document: report, lines: releaseLines(report), exitCode: releaseExit(report) }
  })
}

function modeOf({ keep, drain }: ReleaseFlags): ReleaseMode {
  if (keep === drain) throw invalid('It is not said what becomes of what the proxies serve', 'Give --keep or --drain')
  return keep === true ? 'keep' : 'drain'
}

/** Sets the number of pods to none, as `kubectl scale` does. A Deployment that is gone runs none. */
async function stopDeployment(client: KubeClient, deployment: string, signal: AbortSignal): Promise<void> {
  const [namespace = '', name = '', ...rest] = deployment.split('/')
  if (namespace === '' || name === '' || rest.length > 0)
    throw invalid(`"${deployment}" is no Deployment`, 'Name it by --stop-deployment NAMESPACE/NAME')
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${name}/scale`
  const contentType = 'application/merge-patch+json'
  try {
    await client.request({ method: 'PATCH', path, body: { spec: { replicas: 0 } }, contentType }, signal)
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error
  }
}

/** Does some work as the one that leads. */
async function asLeader<T>(
  { leaseNamespace, leaseName }: ReleaseFlags,
  client: KubeClient,
  signal: AbortSignal,
  work: (writing: Writing, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const done: T[] = []
  const options = { leaseNamespace, leaseName }
  const asAsked = async (writing: Writing, lost: AbortSignal) => {
    done.push(await work(writing, AbortSignal.any([signal, lost])))
  }
  await lead(options, client, SILENT, asAsked, signal)
  const [result] = done
  // It ends without the work only when the signal came first.
  if (result === undefined) throw signal.reason
  return result
}

async function letGo(
  client: KubeClient,
  config: Config,
  mode: ReleaseMode,
  writing: Writing,
  signal: AbortSignal,
): Promise<ReleaseReport> {
  const proxies = mode === 'drain' ? await drainAll(client, config, writing, signal) : []
  const blocked = new Map(
    proxies.flatMap(({ className, problem }): [string, Problem][] =>
      problem === undefined ? [] : [[className, problem]],
    ),
  )
  const classes = new Set(config.classes.map(({ name }) => name))
  const services = await releaseServices(client, { mode, classes, blocked, fence: writing.fence }, signal)
  return releaseReport(mode, proxies, services)
}

async function drainAll(
  client: KubeClient,
  config: Config,
  writing: Writing,
  signal: AbortSignal,
): Promise<readonly DrainedProxy[]> {
  const [services, uid] = await Promise.all([readOnce(client, SERVICES, signal), clusterUid(client, signal)])
  return drainProxies(config, uid, services, writing, signal)
}
