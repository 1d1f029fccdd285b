import type { Problem } from '../model/problems.ts'
import { type FrontendKey, makeTable, type Table, type TargetGroup } from '../model/table.ts'
import { buildService, type Placement } from './build-service.ts'
import type { ServiceProblem } from './demand.ts'
import { buildFixed } from './fixed.ts'
import { createGroups } from './groups.ts'
import type { ClassSpec, ClusterState } from './spec.ts'

export interface Built {
  readonly table: Table
  /** Ids of the groups that are empty only when no node at all is usable. */
  readonly nodeGroups: ReadonlySet<string>
  /** By UID of the Service; one without any has no entry. */
  readonly problems: ReadonlyMap<string, readonly ServiceProblem[]>
  /** Frontends that were allocated and are not in the table, and why. */
  readonly closed: ReadonlyMap<FrontendKey, Problem>
  /** Of the frontends of the configuration. */
  readonly fixedProblems: readonly Problem[]
}

/** Turns allocations, and the frontends of the configuration, into the table of a class, over target groups that are shared where they can be. */
export function buildTable(placements: readonly Placement[], spec: ClassSpec, state: ClusterState): Built {
  const groups = createGroups(spec, state)
  const fixed = spec.fixed.map((one) => buildFixed(one, groups, spec, state))
  const services = placements
    .filter(({ allocation }) => allocation.addresses.length > 0)
    .map((placement) => buildService(placement, groups, spec))
  const found = new Map<string, TargetGroup>()
  const nodeGroups = new Set<string>()
  for (const { ways } of [{ ways: fixed }, ...services]) {
    for (const { group, anyNode } of ways) {
      found.set(group.id, group)
      if (anyNode) nodeGroups.add(group.id)
    }
  }
  const frontends = [...fixed, ...services].flatMap((one) => one.frontends)
  return {
    table: makeTable(frontends, found.values()),
    nodeGroups,
    problems: new Map(services.flatMap(({ uid, problems }) => (problems.length > 0 ? [[uid, problems]] : []))),
    closed: new Map(services.flatMap(({ closed }) => closed)),
    fixedProblems: fixed.flatMap(({ problems }) => problems),
  }
}
