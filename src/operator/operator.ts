import { createHash } from 'node:crypto'
import type { Config } from '../config/schema.ts'
import { FairwayError } from '../model/problems.ts'
import { type MakeDriver, startClasses } from './classes.ts'
import type { Caches } from './cluster.ts'
import type { ClusterWriter, Log, RunningClass } from './interfaces.ts'
import { runPass } from './pass.ts'
import { startWorkers } from './workers.ts'

const TIMING = { quietMs: 50, spacingMs: 500, resyncMs: 15_000, retryMs: 1_000 }
/** How long a pass in hand may take to end when the operator stops; a pod has 30 seconds. */
const STOP_PATIENCE_MS = 15_000

export interface OperatorOptions {
  readonly caches: Caches
  readonly writer: ClusterWriter
  /** UID of the kube-system namespace: tells this cluster from a copy of its configuration. */
  readonly clusterUid: string
  readonly makeDriver: MakeDriver
  readonly log: Log
}

export interface Operator {
  /** Runs the classes of a configuration in place of those before. Rejects, and leaves the old ones running, when it cannot be used. */
  configure(config: Config): Promise<void>
  /** Ends every class after the pass in hand, or with `now` in the middle of it, and closes the drivers. */
  stop(now?: 'now'): Promise<void>
}

/** Runs the classes of a configuration. Nothing is planned before all caches are synced. */
export function createOperator(options: OperatorOptions): Operator {
  let current: Running | undefined
  options.caches.onChange(() => current?.changed())
  return {
    configure: async (config) => {
      const classes = startClasses(config, options.clusterUid, options.makeDriver)
      await current?.stop()
      current = run(classes, options)
      options.log.info({ classes: classes.map(({ spec }) => spec.name) }, 'configuration in use')
    },
    stop: async (now) => {
      await current?.stop(now)
      current = undefined
    },
  }
}

interface Running {
  changed(): void
  stop(now?: 'now'): Promise<void>
}

function run(classes: readonly RunningClass[], { caches, writer, log }: OperatorOptions): Running {
  const ending = new AbortController()
  const cut = new AbortController()
  const byName = new Map(classes.map((running) => [running.spec.name, running]))
  const pass = async (key: string, signal: AbortSignal) => {
    const running = byName.get(key)
    if (running === undefined || !caches.synced()) return { unfinished: true }
    const result = await runPass(
      { running, view: caches, writer, now: Date.now, log: log.child({ class: key }) },
      signal,
    )
    if (log.isLevelEnabled('debug')) log.debug({ class: key, caches: digestOf(caches) }, 'a pass has ended')
    return result
  }
  const workers = startWorkers({ keys: [...byName.keys()], pass, timing: TIMING, log }, cut.signal, ending.signal)
  return {
    changed: () => workers.changed(),
    stop: async (now) => {
      ending.abort()
      if (now === 'now') cut.abort(stopping())
      const late = setTimeout(() => cut.abort(stopping()), STOP_PATIENCE_MS)
      await workers.ended
      clearTimeout(late)
      await Promise.all(classes.flatMap(({ proxies }) => proxies.map(({ driver }) => driver.close())))
    },
  }
}

/** What the caches hold, in short: two operators that see the same cluster say the same. */
function digestOf(caches: Caches): string {
  const services = caches.services()
  const all = [services, caches.nodes(), services.map((service) => caches.slicesOf(service))]
  return createHash('sha256').update(JSON.stringify(all)).digest('hex')
}

/** The reason that ends a pass which takes too long while the operator stops or takes up a new configuration. */
function stopping(): FairwayError {
  return new FairwayError({
    code: 'ProxyUnreachable',
    kind: 'transient',
    message: 'The operator is stopping or taking up a new configuration',
    remedy: 'Nothing: the next pass goes on',
  })
}
