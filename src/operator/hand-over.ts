import { selectServices } from '../desired/desire.ts'
import { addressesUnread } from '../desired/unreadable.ts'
import { describeProblem, type Problem } from '../model/problems.ts'
import { EMPTY_TABLE, type FrontendKey } from '../model/table.ts'
import { keptAt } from '../plan/hold.ts'
import { planProxy } from '../plan/plan-proxy.ts'
import type { ClusterView, Log, Proxy, RunningClass } from './interfaces.ts'
import { programProxy } from './program-proxy.ts'
import { namedKeys } from './release.ts'

/** A proxy that a class does not use any more, with the old driver still open. */
export interface Departure {
  readonly className: string
  readonly proxy: Proxy
  /** What stays there all the same: Services still name the class, which the configuration does not have. */
  readonly keep: ReadonlySet<FrontendKey>
  /** Addresses where all stays: Services may hold what is there by records that cannot be read. */
  readonly keepAt: ReadonlySet<string>
}

/** A proxy that is switched off must not hold up what comes after. */
const FAREWELL_MS = 10_000

/**
 * Which proxies are left behind when one configuration takes the place of another. A class keeps a proxy of the same name, or reached alike: one that got
 * another URL is the same machine more often than not. What a class that is gone has on a proxy that another class reaches is that one's to clear, see
 * planStrays, now and after a restart.
 */
export function findDepartures(
  before: readonly RunningClass[],
  after: readonly RunningClass[],
  view: Pick<ClusterView, 'services'>,
): readonly Departure[] {
  const endpoints = new Set(after.flatMap(({ proxies }) => proxies.map(({ endpoint }) => endpoint)))
  const selections = selectServices(view.services(), after[0]?.rules ?? [])
  const keepAt = addressesUnread(selections)
  return before.flatMap(({ spec: { name: className }, proxies }) => {
    const heir = after.find(({ spec }) => spec.name === className)
    if (heir !== undefined) {
      const left = proxies.filter((proxy) => !heir.proxies.some((other) => isSame(proxy, other)))
      return left.map((proxy) => ({ className, proxy, keep: new Set<FrontendKey>(), keepAt }))
    }
    const left = proxies.filter(({ endpoint }) => !endpoints.has(endpoint))
    if (left.length === 0) return []
    const keep = namedKeys(selections).get(className) ?? new Set<FrontendKey>()
    return left.map((proxy) => ({ className, proxy, keep, keepAt }))
  })
}

function isSame(a: Proxy, b: Proxy): boolean {
  return a.name === b.name || a.endpoint === b.endpoint
}

/** Takes off a proxy what a class has there. It is tried for ten seconds; what fails is logged with what to do. Never rejects. */
export async function bidFarewell(
  { className, proxy, keep, keepAt }: Departure,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const wish = {
    table: EMPTY_TABLE,
    held: new Map<FrontendKey, Problem>(),
    keep,
    keepAt,
    nodeGroups: new Set<string>(),
    accounted: new Set<FrontendKey>(),
    strays: () => [],
    // Whoever takes a proxy out of the configuration means all of it.
    guard: { maxRemoval: 1, minFrontends: 0 },
  }
  const fields = { class: className, proxy: proxy.name }
  let unread: ReadonlySet<FrontendKey> = new Set()
  try {
    const { problem } = await programProxy(
      proxy,
      (observed) => {
        unread = keptAt(keepAt, wish.accounted, observed).difference(keep)
        return planProxy(observed, wish, proxy.name)
      },
      log,
      AbortSignal.any([signal, AbortSignal.timeout(FAREWELL_MS)]),
    )
    if (problem !== undefined) log.error(fields, sayLeft(className, proxy, describeProblem(problem)))
    else if (keep.size + unread.size === 0) log.info(fields, `class ${className} has left proxy ${proxy.name}`)
    if (problem !== undefined) return
    if (keep.size > 0) log.warn({ ...fields, keys: [...keep] }, sayKept(className, proxy, keep.size))
    if (unread.size > 0) log.warn({ ...fields, keys: [...unread] }, sayUnread(className, proxy, unread.size))
  } catch (error) {
    log.error({ ...fields, err: error }, sayLeft(className, proxy, 'it did not answer in time.'))
  }
}

function sayLeft(className: string, { name, endpoint }: Proxy, why: string): string {
  return `what class ${className} has on proxy ${name} (${endpoint}) could not be removed: ${why} Remove it there by hand, or put the proxy back into the configuration for a while`
}

function sayKept(className: string, { name }: Proxy, count: number): string {
  return `${count} frontends of class ${className} stay on proxy ${name}, though neither is in the configuration: Services still name the class. Remove it from them, put both back for a while, then take them out again`
}

function sayUnread(className: string, { name }: Proxy, count: number): string {
  return `${count} frontends of class ${className} stay on proxy ${name}, which it does not use any more: Services may hold them by records that this version cannot read. Put the proxy back into the class, go to the version that wrote these, and take it out again`
}

/**
 * Carries over what the guard knows: removals that the proxies were not told of yet, and the frontends of the old configuration, which nobody but
 * that accounts for.
 */
export function passOnEvidence(
  before: readonly RunningClass[],
  after: readonly RunningClass[],
  fixed: ReadonlySet<FrontendKey>,
): void {
  const evidence = after[0]?.evidence
  evidence?.add(fixed)
  for (const { spec, proxies, evidence: old } of before) {
    for (const { name } of proxies) evidence?.owe(spec.name, name, old.of(spec.name, name))
  }
}
