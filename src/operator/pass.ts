import type { Placement } from '../desired/build-service.ts'
import { accountedKeys, type Desired, recordedKeys } from '../desired/desire.ts'
import type { Selection } from '../desired/select.ts'
import { addressesUnread } from '../desired/unreadable.ts'
import type { ServiceCondition, ServiceObject } from '../kube/objects.ts'
import { bears } from '../kube/status.ts'
import type { Problem } from '../model/problems.ts'
import { type FrontendKey, frontendKey } from '../model/table.ts'
import type { Wish } from '../plan/plan-proxy.ts'
import { planStrays } from '../plan/strays.ts'
import { attempt } from './attempt.ts'
import type { PassContext } from './context.ts'
import type { Proxy } from './interfaces.ts'
import { recordWant } from './outcome.ts'
import { type ProxyResult, programProxy } from './program-proxy.ts'
import { publishAll, releaseAll, tellRefused } from './publish.ts'
import { givenKeys, namedKeys } from './release.ts'
import { createSites, type Sites, tableAt } from './sites.ts'

export interface PassResult {
  readonly selections: readonly Selection[]
  readonly desired: Desired
  readonly results: readonly ProxyResult[]
  /** Whether something was left that another pass may mend: an unreachable proxy, a refused write. */
  readonly unfinished: boolean
}

/**
 * One pass of one class over the caches: select → allocate → build → record → program each proxy → publish → let go. Every step is level-triggered; over
 * an unchanged world a pass reads the proxies and writes nothing. Rejects only when the signal ends it.
 */
export async function runPass(context: PassContext, signal: AbortSignal): Promise<PassResult> {
  const { running, view } = context
  const services = view.services()
  const { select, desire } = context.memory.deciders(running)
  const selections = select(services)
  const desired = desire(selections, { services, nodes: view.nodes(), slicesOf: (service) => view.slicesOf(service) })
  const unrecorded = await recordAll(desired, context, signal)
  const sites = createSites(running.spec.pools)
  const wish = wishOf(desired, unrecorded, selections, services, context)
  const given = () => givenKeys(running, selections, services)
  const results = await programAll(wish, given, sites, context, signal)
  if (running.spec.fixed.length > 0)
    context.memory.reportFixed(fixedKeys(desired), desired.fixedProblems, results, context.log)
  const published = await publishAll(desired, unrecorded, results, sites, context, signal)
  const released = await releaseAll(selections, results, sites, context, signal)
  if (running.speaksForStrays) tellRefused(selections, context)
  const proxiesDone = results.every(({ problem, refused }) => problem === undefined && refused.size === 0)
  return { selections, desired, results, unfinished: !(proxiesDone && published && released && unrecorded.size === 0) }
}

/** Writes what each Service was given onto it; resolves to the UIDs of those for which that failed, and why: they get nothing new in this pass. */
async function recordAll(
  desired: Desired,
  context: PassContext,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Problem>> {
  const { running, memory, writer, log } = context
  const settled = memory.settled(running)
  const failed = new Map<string, Problem>()
  const unsettled = desired.placements.filter((placement) => !settled.isRecorded(placement))
  await Promise.all(
    unsettled.map(async (placement) => {
      const { service } = placement.demand
      const want = recordWant(placement, running)
      if (want !== undefined && bears(service, want)) return settled.noteRecorded(placement)
      const isNew = want === undefined || want.conditions.some((one) => !hasMessage(service, one))
      if (isNew) running.evidence.add(droppedKeys(placement))
      if (want === undefined) return
      const problem = await attempt(
        () => writer.write(service, want, signal),
        service,
        'its address could not be recorded',
        log,
        signal,
      )
      if (problem !== undefined) failed.set(service.metadata.uid, problem)
    }),
  )
  return failed
}

/** A record that says the same gives nothing up: true of nearly all, at each pass. */
function hasMessage({ status }: ServiceObject, { type, message }: Pick<ServiceCondition, 'type' | 'message'>): boolean {
  return status.conditions.some((one) => one.type === type && one.message === message)
}

/** What a Service held until now and holds no more. */
function droppedKeys({ addresses, ports, demand }: Placement): readonly FrontendKey[] {
  const held = new Set(addresses.flatMap((address) => ports.map((port) => frontendKey({ address, ...port }))))
  return recordedKeys(demand.service).filter((key) => !held.has(key))
}

/** The frontends of some Services, each with the problem of its Service. */
function frontendsOf(
  desired: Desired,
  services: ReadonlyMap<string, Problem>,
): readonly (readonly [FrontendKey, Problem])[] {
  if (services.size === 0) return []
  return desired.table.frontends.flatMap((frontend) => {
    const problem = services.get(frontend.service?.uid ?? '')
    return problem === undefined ? [] : [[frontendKey(frontend), problem] as const]
  })
}

function fixedKeys({ table }: Desired): ReadonlySet<FrontendKey> {
  return new Set(table.frontends.filter(({ service }) => service === undefined).map(frontendKey))
}

/** What the proxies of the class have in common to do; made for each of them by `programAll`. */
type CommonWish = (proxy: Proxy, owed: ReadonlySet<FrontendKey>) => Wish

function wishOf(
  desired: Desired,
  unrecorded: ReadonlyMap<string, Problem>,
  selections: readonly Selection[],
  services: readonly ServiceObject[],
  { running, memory, log, confirmed }: PassContext,
): CommonWish {
  const held = new Map([...desired.held, ...frontendsOf(desired, unrecorded)])
  const named = namedKeys(selections)
  const unread = addressesUnread(selections)
  let accounted: ReadonlySet<FrontendKey> | undefined
  const isAccounted = (key: FrontendKey) => {
    accounted ??= accountedKeys(services)
    return accounted.has(key)
  }
  return (proxy, owed) => ({
    table: desired.table,
    held,
    keep: new Set(),
    keepAt: unread,
    nodeGroups: desired.nodeGroups,
    accounted: { has: (key) => isAccounted(key) || owed.has(key) },
    strays: (observed) => memory.withoutReturned(proxy.name, planStrays(observed, proxy.usedBy, named, unread), log),
    guard: running.guard,
    ...(confirmed === undefined ? {} : { confirmed: confirmed() }),
  })
}

/** Brings every proxy of the class to what it shall have of the table. */
async function programAll(
  wishFor: CommonWish,
  given: () => ReadonlySet<FrontendKey>,
  sites: Sites,
  { running, memory, log }: PassContext,
  signal: AbortSignal,
): Promise<readonly ProxyResult[]> {
  const { spec, proxies, evidence } = running
  return Promise.all(
    proxies.map(async (proxy) => {
      const owed = evidence.of(spec.name, proxy.name)
      const wish = wishFor(proxy, owed)
      const table = tableAt(wish.table, proxy.name, sites)
      const plan = memory.deciders(running).planFor(proxy.name)
      proxy.driver.recall?.(given().union(owed))
      const result = await programProxy(proxy, (observed) => plan(observed, { ...wish, table }), log, signal)
      memory.noteRemoved(proxy.name, result.strays)
      if (result.problem === undefined) evidence.settle(spec.name, proxy.name, owed)
      return result
    }),
  )
}
