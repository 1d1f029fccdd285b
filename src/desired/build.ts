import type { Problem } from '../model/problems.ts'
import { createMapper, createSorter } from '../model/remember.ts'
import {
  EMPTY_TABLE,
  type Frontend,
  type FrontendKey,
  frontendKey,
  sortFrontends,
  sortGroups,
  type Table,
  type TargetGroup,
} from '../model/table.ts'
import { type BuildContext, type BuiltService, buildService, type Placement } from './build-service.ts'
import type { ServiceProblem } from './demand.ts'
import { type BuiltFixed, createFixed } from './fixed.ts'
import { createGroups, type Groups } from './groups.ts'
import { createNodeWishes, type NodeWish } from './node-wish.ts'
import type { ClassSpec, ClusterState } from './spec.ts'
import { createStyles } from './style.ts'
import { isSeenAlike } from './ways.ts'

export interface Built {
  readonly table: Table
  /** Ids of the groups that are empty only when no node at all is usable: under externalTrafficPolicy Local one is whenever no pod is ready. */
  readonly nodeGroups: ReadonlySet<string>
  /** By UID of the Service; one without any has no entry. */
  readonly problems: ReadonlyMap<string, readonly ServiceProblem[]>
  /** Frontends that are not to be written, and why. */
  readonly held: ReadonlyMap<FrontendKey, Problem>
  /** Of the frontends of the configuration. */
  readonly fixedProblems: readonly Problem[]
}

/**
 * Turns what Services are given, and the frontends of the configuration, into the table of a class, over target groups that are shared where they
 * can be. What is as it was the time before is taken over from there.
 */
export function createBuilder(spec: ClassSpec): (placements: readonly Placement[], state: ClusterState) => Built {
  const groupsOf = createGroups(spec)
  const nodeWish = createNodeWishes(spec)
  const styleOf = createStyles()
  const buildFixed = createFixed(spec)
  const buildAll = createMapper(buildService, isStale)
  const sortAllFrontends = createSorter(frontendKey, sortFrontends)
  const sortAllGroups = createSorter(({ id }: TargetGroup) => id, sortGroups)
  let table: Table = EMPTY_TABLE
  return (placements, state) => {
    const groups = groupsOf(state)
    const fixed = buildFixed(groups, state)
    const services = buildAll(placements, { spec, groups, nodeWish, styleOf })
    const { used, nodeGroups } = collectGroups(fixed, services, groups)
    const frontends = sortAllFrontends(collectFrontends([...fixed, ...services]))
    const sorted = sortAllGroups([...used])
    if (frontends !== table.frontends || sorted !== table.groups) table = { frontends, groups: sorted }
    return {
      table,
      nodeGroups,
      ...gatherTold(services),
      fixedProblems: fixed.flatMap(({ problems }) => problems),
    }
  }
}

function isStale(built: BuiltService, { groups }: BuildContext): boolean {
  return !isSeenAlike(built.placement.demand.service, built, groups)
}

function collectGroups(
  fixed: readonly BuiltFixed[],
  services: readonly BuiltService[],
  groups: Groups,
): Pick<Built, 'nodeGroups'> & { readonly used: ReadonlySet<TargetGroup> } {
  const used = new Set<TargetGroup>()
  const nodeGroups = new Set<string>()
  for (const { group, anyNode, frontends } of fixed) {
    if (frontends.length > 0) used.add(group)
    if (anyNode) nodeGroups.add(group.id)
  }
  let last: NodeWish | undefined
  for (const { placement, nodes, pods } of services) {
    for (const { way } of pods) used.add(way.group)
    if (nodes === undefined || nodes === last) continue
    last = nodes
    used.add(groups.byNodes(placement.demand.service, nodes))
    if (!nodes.local) nodeGroups.add(nodes.id)
  }
  return { used, nodeGroups }
}

function collectFrontends(all: readonly Pick<BuiltService, 'frontends'>[]): readonly Frontend[] {
  const found: Frontend[] = []
  for (const { frontends } of all) found.push(...frontends)
  return found
}

function gatherTold(services: readonly BuiltService[]): Pick<Built, 'problems' | 'held'> {
  const problems = new Map<string, readonly ServiceProblem[]>()
  const held = new Map<FrontendKey, Problem>()
  for (const one of services) {
    if (one.problems.length > 0) problems.set(one.placement.demand.service.metadata.uid, one.problems)
    for (const [key, problem] of one.held) held.set(key, problem)
  }
  return { problems, held }
}
