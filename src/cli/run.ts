import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type LoadedConfig, loadConfig } from '../config/load.ts'
import { createKubeClient, type KubeClient } from '../kube/client.ts'
import { loadKubeConfig } from '../kube/credentials.ts'
import { EventRecorder } from '../kube/events.ts'
import { clusterUid } from '../kube/status.ts'
import { errorText } from '../model/problems.ts'
import { startCaches } from '../operator/cluster.ts'
import { createOperator } from '../operator/operator.ts'
import { createWriter } from '../operator/writer.ts'
import { healthApp, serveHealth } from '../server/health.ts'
import { driverMaker } from './drivers.ts'
import { type LeadOptions, lead, type Work } from './lead.ts'
import { createLog } from './log.ts'
import { watchConfig } from './watch-config.ts'

export interface RunOptions extends LeadOptions {
  readonly config: string
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
  readonly healthPort: number
  readonly logLevel: string
}

const UID_RETRY_MS = 2_000

/** `fairway run`: the operator, until the signal ends it. Rejects when it cannot start: a configuration that cannot be used, no cluster. */
export async function run(options: RunOptions, signal: AbortSignal): Promise<void> {
  const log = createLog(options.logLevel)
  const { config, text } = await loadConfig(options.config)
  const kubeConfig = loadKubeConfig(options)
  const client = createKubeClient({ kubeConfig, reload: () => loadKubeConfig(options) })
  const ending = new AbortController()
  try {
    const caches = startCaches(client, log, ending.signal)
    const ready = () => ({ ready: caches.synced(), troubles: caches.troubles() })
    await serveHealth(healthApp({ ready }), options.healthPort, ending.signal)
    const uid = await waitForUid(client, log, signal)
    if (uid === undefined) return
    const events = new EventRecorder({ client, log, instance: process.env['HOSTNAME'] })
    const work: Work = async (writing, lost) => {
      const writer = createWriter({ client, store: caches.serviceStore, events, now: Date.now, fence: writing.fence })
      const makeDriver = driverMaker(log, writing)
      const operator = createOperator({ caches, writer, clusterUid: uid, makeDriver, log })
      const reread = AbortSignal.any([signal, lost])
      const first = await newest(options.config, { config, text }, log)
      await operator.configure(first.config)
      await watchConfig(options.config, first.text, (next) => operator.configure(next), log, reread)
      log.info({}, lost.aborted ? 'stopping at once' : 'stopping after the work in hand')
      await operator.stop(lost.aborted ? 'now' : undefined)
    }
    await lead(options, client, log, work, signal)
    await events.close()
    ending.abort()
    await caches.ended
  } finally {
    ending.abort()
    await client.close()
  }
}

/** The configuration as it is now: a follower may have waited for days. A broken one is left aside for the one from the start. */
async function newest(path: string, known: LoadedConfig, log: Logger): Promise<LoadedConfig> {
  try {
    return await loadConfig(path)
  } catch (error) {
    log.error({ path }, `configuration not used, the last good one stays: ${errorText(error)}`)
    return known
  }
}

/** Asks for the cluster's identity until the API server answers; undefined when the signal comes first. */
async function waitForUid(client: KubeClient, log: Logger, signal: AbortSignal): Promise<string | undefined> {
  while (!signal.aborted) {
    try {
      return await clusterUid(client, signal)
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
