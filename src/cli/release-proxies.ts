import { setTimeout as delay } from 'node:timers/promises'
import type { Config } from '../config/schema.ts'
import { selectServices } from '../desired/desire.ts'
import type { ServiceObject } from '../kube/objects.ts'
import type { Problem } from '../model/problems.ts'
import { EMPTY_TABLE, type FrontendKey } from '../model/table.ts'
import { startClasses } from '../operator/classes.ts'
import type { Proxy, RunningClass } from '../operator/interfaces.ts'
import { programProxy } from '../operator/program-proxy.ts'
import { givenKeys, namedKeys } from '../operator/release.ts'
import { planProxy } from '../plan/plan-proxy.ts'
import { planStrays } from '../plan/strays.ts'
import type { DrainedProxy } from '../report/release.ts'
import { driverMaker, type Writing } from './drivers.ts'
import { SILENT } from './silent.ts'

/** How long a proxy is tried that does not answer: long enough for one that restarts. */
const PATIENCE_MS = 30_000
const RETRY_MS = 2_000

/**
 * Takes off every proxy of the configuration what this cluster (by name and UID) has there: its classes' frontends, those without a Service among them, and
 * what classes have left that are gone. What Services of a class hold that the configuration does not have stays. Rejects only when the signal ends it.
 */
export async function drainProxies(
  config: Config,
  uid: string,
  services: readonly ServiceObject[],
  writing: Writing,
  signal: AbortSignal,
): Promise<readonly DrainedProxy[]> {
  const classes = startClasses(config, uid, driverMaker(SILENT, writing))
  try {
    const all = classes.flatMap((running) => running.proxies.map((proxy) => ({ running, proxy })))
    return await Promise.all(
      all.map(async ({ running, proxy }) => drainProxy(running, proxy, services, writing.fence, signal)),
    )
  } finally {
    await Promise.all(classes.flatMap(({ proxies }) => proxies.map(({ driver }) => driver.close())))
  }
}

async function drainProxy(
  running: RunningClass,
  proxy: Proxy,
  services: readonly ServiceObject[],
  fence: () => void,
  signal: AbortSignal,
): Promise<DrainedProxy> {
  const selections = selectServices(services, running.rules)
  const named = namedKeys(selections)
  const wish = {
    table: EMPTY_TABLE,
    held: new Map<FrontendKey, Problem>(),
    keep: new Set<FrontendKey>(),
    nodeGroups: new Set<string>(),
    accounted: new Set<FrontendKey>(),
    strays: (observed: Parameters<typeof planStrays>[0]) => planStrays(observed, proxy.usedBy, named, new Set()),
    // It was asked for by name.
    guard: { maxRemoval: 1, minFrontends: 0 },
  }
  const outcome = { className: running.spec.name, proxy: proxy.name }
  const started = performance.now()
  let removed = 0
  for (;;) {
    fence()
    proxy.driver.recall?.(givenKeys(running, selections, services))
    const result = await programProxy(
      proxy,
      (observed) => {
        const planned = planProxy(observed, wish, proxy.name)
        removed = Math.max(removed, planned.plan.changes.length + planned.plan.strays.length)
        return planned
      },
      SILENT,
      signal,
    )
    const { problem } = result
    if (problem === undefined) return { ...outcome, removed, problem }
    const late = performance.now() - started > PATIENCE_MS
    if (late || problem.kind !== 'transient') return { ...outcome, removed: 0, problem }
    await delay(RETRY_MS, undefined, { signal })
  }
}
