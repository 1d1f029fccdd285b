import type { Desired } from '../desired/desire.ts'
import { measurePools } from '../desired/pool-use.ts'
import type { Selection } from '../desired/select.ts'
import type { Problem, ProblemCode } from '../model/problems.ts'
import { frontendKey, type Table } from '../model/table.ts'
import type { RunningClass } from './interfaces.ts'
import type { ClassFacts, ProxyFacts, ServiceState } from './meter.ts'
import type { PassResult } from './pass.ts'
import type { ProxyResult } from './program-proxy.ts'
import { releasedBy } from './release.ts'
import { createSites, tableAt } from './sites.ts'
import type { OperatorObserver } from './view.ts'

/** What became of the last pass of each class, to be counted when somebody asks. */
export interface Facts extends OperatorObserver {
  classes(): readonly ClassFacts[]
}

interface Known {
  readonly running: RunningClass
  readonly result: PassResult
  readonly endedAtMs: number
  readonly behind: ReadonlyMap<string, number>
}

/** Knows nothing yet. A proxy is behind since the first pass that did not bring it where it shall be. `now` is epoch milliseconds. */
export function createFacts(now: () => number): Facts {
  const known = new Map<string, Known>()
  return {
    configured: (classes) => {
      const names = new Set(classes.map(({ spec }) => spec.name))
      for (const name of known.keys()) if (!names.has(name)) known.delete(name)
    },
    passed: (running, result) => {
      const endedAtMs = now()
      const before = known.get(running.spec.name)?.behind
      const late = result.results.filter(({ problem, heldBack }) => problem !== undefined || heldBack !== undefined)
      const behind = new Map(late.map(({ proxy }) => [proxy, before?.get(proxy) ?? endedAtMs]))
      known.set(running.spec.name, { running, result, endedAtMs, behind })
    },
    classes: () => [...known.values()].map(countClass),
  }
}

function countClass({ running, result, endedAtMs, behind }: Known): ClassFacts {
  const { spec } = running
  const { desired, selections, results } = result
  const sites = createSites(spec.pools)
  const codes = [...desired.problems.values()].map((problems) => distinctCodes(problems.map(({ problem }) => problem)))
  const refused = running.speaksForStrays
    ? selections.flatMap((one) => (one.kind === 'refused' ? one.problem : []))
    : []
  return {
    name: spec.name,
    endedAtMs,
    pools: measurePools(spec, desired).map(({ pool, used, size }) => ({ name: pool.name, size: Number(size), used })),
    services: countServices(running, desired, selections),
    serviceProblems: countCodes([...codes.flat(), ...refused.map(({ code }) => code)]),
    fixedProblems: countCodes(desired.fixedProblems.map(({ code }) => code)),
    proxies: results.map((one) => countProxy(one, tableAt(desired.table, one.proxy, sites), behind.get(one.proxy))),
  }
}

function countServices(
  running: RunningClass,
  { placements }: Desired,
  selections: readonly Selection[],
): Readonly<Record<ServiceState, number>> {
  const waiting = placements.filter(({ addresses }) => addresses.length === 0).length
  const releasing = releasedBy(running, selections).length
  return { allocated: placements.length - waiting, waiting, releasing }
}

function countProxy(
  { proxy, problem, refused, heldBack }: ProxyResult,
  { frontends }: Table,
  behindSinceMs: number | undefined,
): ProxyFacts {
  const about = { name: proxy, problem: problem?.code, heldBack: heldBack !== undefined, behindSinceMs }
  const all = frontends.length
  if (problem !== undefined)
    return { ...about, frontends: { served: 0, refused: 0, unknown: all }, refusals: new Map() }
  const served = refused.size === 0 ? all : frontends.filter((one) => !refused.has(frontendKey(one))).length
  const refusals = countCodes([...refused.values()].map(({ code }) => code))
  return { ...about, frontends: { served, refused: refused.size, unknown: 0 }, refusals }
}

/** A Service counts once for a code, however many of its ports have it. */
function distinctCodes(problems: readonly Problem[]): readonly ProblemCode[] {
  return [...new Set(problems.map(({ code }) => code))]
}

function countCodes(codes: readonly ProblemCode[]): ReadonlyMap<ProblemCode, number> {
  return new Map([...Map.groupBy(codes, (code) => code)].map(([code, all]) => [code, all.length]))
}
