import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type LoadedConfig, loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { createKubeClient, type KubeClient } from '../kube/client.ts'
import { loadKubeConfig } from '../kube/credentials.ts'
import { EventRecorder } from '../kube/events.ts'
import { createIdentity, type Identity } from '../kube/identity.ts'
import { Limiter } from '../kube/limiter.ts'
import { errorText } from '../model/problems.ts'
import { type OwnCaches, startCaches } from '../operator/cluster.ts'
import { type Confirmations, createConfirmations } from '../operator/confirmations.ts'
import { createFacts } from '../operator/facts.ts'
import { meterDrivers } from '../operator/metered-driver.ts'
import { observeAll } from '../operator/observe-all.ts'
import { createOperator } from '../operator/operator.ts'
import { createWriter } from '../operator/writer.ts'
import { healthApp, serveHealth } from '../server/health.ts'
import { createMetrics, type Metrics } from '../server/metrics/metrics.ts'
import { driverMaker, type Writing } from './drivers.ts'
import { type LeadOptions, lead, type Work } from './lead.ts'
import { createLog } from './log.ts'
import { openPage, type Page } from './page.ts'
import { VERSION } from './version.ts'
import { watchConfig } from './watch-config.ts'

export interface RunOptions extends LeadOptions {
  readonly config: string
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
  readonly healthPort: number
  /** Whether the health port also serves `/metrics`. */
  readonly metrics: boolean
  /** Where the status page listens: `127.0.0.1:8090`; undefined: there is none. */
  readonly page?: string | undefined
  readonly logLevel: string
}

const UID_RETRY_MS = 2_000

/** `fairway run`: the operator, until the signal ends it. Rejects when it cannot start: a configuration that cannot be used, no cluster. */
export async function run(options: RunOptions, signal: AbortSignal): Promise<void> {
  const log = createLog(options.logLevel)
  const { config, text } = await loadConfig(options.config)
  const kubeConfig = loadKubeConfig(options)
  // Whoever switches the context of a kubeconfig means his own commands, not an operator that runs.
  const context = options.context ?? kubeConfig.getCurrentContext()
  const client = createKubeClient({ kubeConfig, reload: () => loadKubeConfig({ ...options, context }) })
  const identity = createIdentity(client)
  const ending = new AbortController()
  try {
    const caches = startCaches(identity.client, log, ending.signal)
    const ready = () => ({ ready: caches.synced(), troubles: caches.troubles() })
    const metrics = createMetrics(VERSION, () => caches.health(), Date.now)
    const health = healthApp({ ready }, options.metrics ? metrics : undefined)
    await serveHealth(health, options.healthPort, ending.signal)
    const page = await openPage(options, config.cluster, { client, caches }, ending.signal)
    const uid = await waitForUid(identity, log, signal)
    if (uid === undefined) return
    const limiter = new Limiter()
    const isBusy = () => limiter.hasWaiting
    const events = new EventRecorder({ client, log, instance: process.env['HOSTNAME'], isBusy })
    const confirmations = createConfirmations(Date.now)
    const onConfirmed = (words: readonly string[]) => {
      log.warn({ words }, 'a person lets go of what the guard holds back under these words')
      confirmations.say(words)
    }
    const world = { client, caches, limiter, events, metrics, page, confirmations, uid, log }
    const work: Work = (writing, lost) => operate(options.config, { config, text }, world, writing, lost, signal)
    await lead({ ...options, onConfirmed }, client, log, work, signal)
    await events.close()
    ending.abort()
    await caches.ended
  } finally {
    ending.abort()
    await client.close()
  }
}

/** All that a leader works with. */
interface World {
  readonly client: KubeClient
  readonly caches: OwnCaches
  readonly limiter: Limiter
  readonly events: EventRecorder
  readonly metrics: Metrics
  readonly page: Page | undefined
  readonly confirmations: Confirmations
  /** Of the kube-system namespace. */
  readonly uid: string
  readonly log: Logger
}

/** The work of a leader, until `lost` or the signal ends it. `known` is the configuration from the start. */
async function operate(
  path: string,
  known: LoadedConfig,
  world: World,
  writing: Writing,
  lost: AbortSignal,
  signal: AbortSignal,
): Promise<void> {
  const { client, caches, limiter, events, metrics, page, uid, log } = world
  const { meter } = metrics
  const { fence } = writing
  const writer = createWriter({ client, store: caches.serviceStore, events, limiter, now: Date.now, fence, meter })
  const metered = meterDrivers(driverMaker(log, writing), meter)
  const makeDriver = page?.watch(metered) ?? metered
  const facts = createFacts(Date.now)
  const observer = page === undefined ? facts : observeAll([facts, page.observer])
  const confirmed = () => world.confirmations.words()
  const operator = createOperator({ caches, writer, clusterUid: uid, makeDriver, log, observer, meter, confirmed })
  const stopLeading = metrics.lead(() => ({ waiting: operator.waiting(), classes: facts.classes() }))
  const tell = (used: boolean) => meter({ kind: 'configuration', used })
  const first = await newest(path, known, tell, log)
  await operator.configure(first.config)
  const use = (config: Config) => operator.configure(config)
  await watchConfig(path, first.text, use, tell, log, AbortSignal.any([signal, lost]))
  log.info({}, lost.aborted ? 'stopping at once' : 'stopping after the work in hand')
  await operator.stop(lost.aborted ? 'now' : undefined)
  stopLeading()
}

/** The configuration as it is now: a follower may have waited for days. A broken one is left aside for the one from the start. */
async function newest(
  path: string,
  known: LoadedConfig,
  tell: (used: boolean) => void,
  log: Logger,
): Promise<LoadedConfig> {
  try {
    const loaded = await loadConfig(path)
    tell(true)
    return loaded
  } catch (error) {
    tell(false)
    log.error({ path }, `configuration not used, the last good one stays: ${errorText(error)}`)
    return known
  }
}

/** Asks for the cluster's identity until the API server answers; undefined when the signal comes first. */
async function waitForUid(identity: Identity, log: Logger, signal: AbortSignal): Promise<string | undefined> {
  while (!signal.aborted) {
    try {
      return await identity.uid(signal)
    } catch (error) {
      if (signal.aborted) break
      log.warn({ err: error }, `the cluster cannot be read yet: ${errorText(error)}`)
      await delay(UID_RETRY_MS, undefined, { signal }).catch((reason: unknown) => {
        if (!signal.aborted) throw reason
      })
    }
  }
  return undefined
}
