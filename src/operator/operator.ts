import { createHash } from 'node:crypto'
import type { Config } from '../config/schema.ts'
import { FairwayError } from '../model/problems.ts'
import type { FrontendKey } from '../model/table.ts'
import { type MakeDriver, startClasses } from './classes.ts'
import type { Caches } from './cluster.ts'
import { bidFarewell, type Departure, findDepartures, passOnEvidence } from './hand-over.ts'
import type { ClusterWriter, Log, RunningClass } from './interfaces.ts'
import { createMemory } from './memory.ts'
import type { Meter } from './meter.ts'
import { meterPass } from './metered-pass.ts'
import { runPass } from './pass.ts'
import type { OperatorObserver } from './view.ts'
import { startWorkers } from './workers.ts'

const TIMING = { quietMs: 10, spacingMs: 500, resyncMs: 15_000, retryMs: 1_000 }
/** How long a pass in hand may take to end when the operator stops; a pod has 30 seconds. */
const STOP_PATIENCE_MS = 15_000

export interface OperatorOptions {
  readonly caches: Caches
  readonly writer: ClusterWriter
  /** UID of the kube-system namespace: tells this cluster from a copy of its configuration. */
  readonly clusterUid: string
  readonly makeDriver: MakeDriver
  readonly log: Log
  /** Is told what the passes find. */
  readonly observer?: OperatorObserver | undefined
  readonly meter?: Meter | undefined
  /** Words for removals that a person has said lately. */
  readonly confirmed?: (() => ReadonlySet<string>) | undefined
}

export interface Operator {
  /**
   * Runs the classes of a configuration in place of those before, which clear the proxies that they leave meanwhile. Rejects, and leaves the old ones
   * running, when it cannot be used.
   */
  configure(config: Config): Promise<void>
  /** How many classes have a pass due that has not begun. */
  waiting(): number
  /** Ends every class after the pass in hand, or with `now` in the middle of it, and closes the drivers. */
  stop(now?: 'now'): Promise<void>
}

/** Runs the classes of a configuration. Nothing is planned before all caches are synced. */
export function createOperator(options: OperatorOptions): Operator {
  const { caches, log } = options
  const stopped = new AbortController()
  let current: Running | undefined
  /** What the classes of earlier configurations still do on proxies that they leave. */
  let leaving = Promise.resolve()
  caches.onChange(() => current?.changed())
  return {
    configure: async (config) => {
      const classes = startClasses(config, options.clusterUid, options.makeDriver)
      // Whoever comes back to a proxy must find it left.
      await leaving
      const before = current
      await before?.end()
      if (before !== undefined) passOnEvidence(before.classes, classes, before.fixed())
      current = run(classes, options)
      if (before !== undefined)
        leaving = leave(before, findDepartures(before.classes, classes, caches), log, stopped.signal)
      log.info({ classes: classes.map(({ spec }) => spec.name) }, 'configuration in use')
    },
    waiting: () => current?.waiting() ?? 0,
    stop: async (now) => {
      if (now === 'now') stopped.abort(stopping())
      await current?.end(now)
      await current?.close()
      await leaving
      current = undefined
    },
  }
}

async function leave(before: Running, departures: readonly Departure[], log: Log, signal: AbortSignal): Promise<void> {
  await Promise.all(departures.map((departure) => bidFarewell(departure, log, signal)))
  await before.close()
}

interface Running {
  readonly classes: readonly RunningClass[]
  /** Frontends without a Service that the classes wanted last. */
  fixed(): ReadonlySet<FrontendKey>
  changed(): void
  waiting(): number
  /** Ends the passes, after those in hand or with `now` in the middle of them. The drivers stay open. */
  end(now?: 'now'): Promise<void>
  close(): Promise<void>
}

function run(classes: readonly RunningClass[], options: OperatorOptions): Running {
  const { caches, writer, log, observer, meter, confirmed } = options
  observer?.configured(classes)
  const ending = new AbortController()
  const cut = new AbortController()
  const byName = new Map(classes.map((running) => [running.spec.name, { running, memory: createMemory() }]))
  const pass = async (key: string, signal: AbortSignal) => {
    const one = byName.get(key)
    if (one === undefined || !caches.synced()) return { unfinished: true }
    const context = { ...one, view: caches, writer, now: Date.now, log: log.child({ class: key }), confirmed }
    const result = await meterPass(key, () => runPass(context, signal), meter, signal)
    observer?.passed(one.running, result, caches)
    if (log.isLevelEnabled('debug')) log.debug({ class: key, caches: digestOf(caches) }, 'a pass has ended')
    return result
  }
  const workers = startWorkers({ keys: [...byName.keys()], pass, timing: TIMING, log }, cut.signal, ending.signal)
  return {
    classes,
    fixed: () => new Set([...byName.values()].flatMap(({ memory }) => [...memory.fixed])),
    changed: () => workers.changed(),
    waiting: () => workers.waiting(),
    end: async (now) => {
      ending.abort()
      if (now === 'now') cut.abort(stopping())
      const late = setTimeout(() => cut.abort(stopping()), STOP_PATIENCE_MS)
      await workers.ended
      clearTimeout(late)
    },
    close: async () => {
      await Promise.all(classes.flatMap(({ proxies }) => proxies.map(({ driver }) => driver.close())))
    },
  }
}

/** What the caches hold, in short: two operators that see the same cluster say the same. */
function digestOf(caches: Caches): string {
  const services = caches.services()
  const all = [services, caches.nodes(), services.map(({ metadata }) => caches.slicesOf(metadata))]
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
