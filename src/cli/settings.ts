import { existsSync } from 'node:fs'
import { loadConfig, parseConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { createKubeClient, type KubeClient } from '../kube/client.ts'
import { loadKubeConfig } from '../kube/credentials.ts'
import { readConfigMap } from '../kube/read-once.ts'
import { FairwayError } from '../model/problems.ts'
import type { Survey } from '../report/survey.ts'
import { driverMaker } from './drivers.ts'
import { withProgress } from './output.ts'
import { readCluster } from './read-cluster.ts'
import { readManifests } from './read-manifests.ts'
import { SILENT } from './silent.ts'
import { takeSurvey } from './survey.ts'
import { VERSION } from './version.ts'

/** What all commands that look at a cluster have in common. */
export interface ViewFlags {
  readonly config: string
  /** `namespace/name` of the ConfigMap that holds fairway.yaml. */
  readonly configMap?: string
  readonly kubeconfig?: string
  readonly context?: string
  /** Manifests in place of a cluster. */
  readonly filename?: readonly string[]
  /** With manifests: whether to take each proxy for one that has nothing, or to say nothing of them. */
  readonly askProxies: boolean
}

const CONFIG_KEY = 'fairway.yaml'
const USER_AGENT = `fairway/${VERSION} (command line)`

/** Opens the cluster for some work, and closes it after. */
export async function withCluster<T>(flags: ViewFlags, work: (client: KubeClient) => Promise<T>): Promise<T> {
  const client = createKubeClient({ kubeConfig: loadKubeConfig(flags), userAgent: USER_AGENT })
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}

/** The configuration: of a file, or of a ConfigMap of the cluster. Throws ConfigInvalid. */
export async function readConfig(
  flags: ViewFlags,
  client: KubeClient | undefined,
  signal: AbortSignal,
): Promise<Config> {
  const { configMap, config } = flags
  if (configMap === undefined || client === undefined) {
    if (existsSync(config)) return (await loadConfig(config)).config
    throw invalid(
      `There is no configuration at ${config}`,
      'Name fairway.yaml by --config, or the ConfigMap that holds it by --config-map',
    )
  }
  const [namespace = '', name = '', ...rest] = configMap.split('/')
  if (namespace === '' || name === '' || rest.length > 0)
    throw invalid(`"${configMap}" is no ConfigMap`, 'Name it by --config-map NAMESPACE/NAME')
  const text = await readConfigMap(client, { namespace, name }, CONFIG_KEY, signal)
  if (text === undefined)
    throw invalid(`ConfigMap ${configMap} has no key ${CONFIG_KEY}`, 'Name the one that the operator mounts')
  return parseConfig(text, `ConfigMap ${configMap}`)
}

/** What a command looks at. */
export interface Look {
  readonly survey: Survey
  readonly config: Config
  /** UID of the kube-system namespace. */
  readonly uid: string
}

/** Looks at everything once, from a cluster or from manifests. */
export async function look(flags: ViewFlags, signal: AbortSignal): Promise<Look> {
  if (flags.filename !== undefined) return lookAtManifests(flags, flags.filename, signal)
  return withCluster(flags, async (client) =>
    lookAtCluster(await readConfig(flags, client, signal), flags, client, signal),
  )
}

async function lookAtManifests(flags: ViewFlags, paths: readonly string[], signal: AbortSignal): Promise<Look> {
  const config = await readConfig(flags, undefined, signal)
  const picture = await readManifests(paths)
  const proxies = flags.askProxies ? 'empty' : 'unasked'
  return { config, uid: picture.uid, survey: await takeSurvey({ config, ...picture, proxies }, signal) }
}

/** The same for a configuration that was read already. */
export async function lookAtCluster(
  config: Config,
  flags: ViewFlags,
  client: KubeClient,
  signal: AbortSignal,
): Promise<Look> {
  const picture = await withProgress('reading the cluster', readCluster(client, signal))
  const proxies = flags.askProxies
    ? driverMaker(SILENT, { userAgent: USER_AGENT, epoch: 0, fence: forbidWrites })
    : 'unasked'
  const survey = await withProgress('asking the proxies', takeSurvey({ config, ...picture, proxies }, signal))
  return { config, uid: picture.uid, survey }
}

/** Nothing here writes to a proxy; if something tried, it would end here. */
function forbidWrites(): never {
  throw new TypeError('the command line writes to no proxy')
}

export function invalid(message: string, remedy: string): FairwayError {
  return new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy })
}
