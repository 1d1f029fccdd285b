import type { ServiceObject } from '../kube/objects.ts'
import type { Problem } from '../model/problems.ts'
import { type FrontendKey, frontendKey, type Table } from '../model/table.ts'
import { allocate } from './allocate.ts'
import { readSettings } from './annotations.ts'
import { type Built, buildTable } from './build.ts'
import { type Placement, unreadableBecause } from './build-service.ts'
import type { ServiceProblem } from './demand.ts'
import { demandOf } from './read-demand.ts'
import { recordedFrontends, recordOf } from './record.ts'
import { type ClassRule, type Selection, selectService } from './select.ts'
import type { ClassSpec, ClusterState } from './spec.ts'

export interface Desired {
  readonly table: Table
  readonly placements: readonly Placement[]
  /** Problems of wanted Services by UID; a Service without any has no entry. */
  readonly problems: ReadonlyMap<string, readonly ServiceProblem[]>
  /** Of the frontends of the configuration. */
  readonly fixedProblems: readonly Problem[]
  /** Frontends of Services whose wishes cannot be read, and why: to stay as they are, or to go where the table leaves them out. */
  readonly held: ReadonlyMap<FrontendKey, Problem>
  readonly nodeGroups: ReadonlySet<string>
}

/** Decides for every Service whose it is, in the order of the input. */
export function selectServices(
  services: readonly ServiceObject[],
  classes: readonly ClassRule[],
): readonly Selection[] {
  return services.flatMap((service) => selectService(service, classes) ?? [])
}

/** The desired state of one class: pure, and the same for the same input whatever its order. */
export function desireClass(spec: ClassSpec, selections: readonly Selection[], state: ClusterState): Desired {
  const wanted = selections.filter((one) => one.kind === 'wanted').filter(({ className }) => className === spec.name)
  const settings = new Map(wanted.map(({ service }) => [service, readSettings(service, spec.defaults)]))
  const settingsOf = (service: ServiceObject) => settings.get(service) ?? readSettings(service, spec.defaults)
  const demands = wanted.map(({ service }) => demandOf(service, spec, settingsOf(service)))
  const placements = allocate(demands, spec).map((allocation) => ({
    allocation,
    settings: settingsOf(allocation.demand.service),
  }))
  const built = buildTable(placements, spec, state)
  const selected = new Map(wanted.map(({ service, problem }) => [service.metadata.uid, problem]))
  return {
    table: built.table,
    placements,
    problems: gatherProblems(placements, selected, built),
    fixedProblems: built.fixedProblems,
    held: new Map([...heldFrontends(placements, built.table), ...built.closed]),
    nodeGroups: built.nodeGroups,
  }
}

/** All that is to be told to each Service: about its class, its annotations, what it is given, and where that leads. */
function gatherProblems(
  placements: readonly Placement[],
  selected: ReadonlyMap<string, Problem | undefined>,
  built: Built,
): Desired['problems'] {
  const problems = new Map<string, readonly ServiceProblem[]>()
  for (const { allocation, settings } of placements) {
    const { uid } = allocation.demand.service.metadata
    const aboutClass = selected.get(uid)
    const whole = aboutClass === undefined ? settings.problems : [aboutClass, ...settings.problems]
    const targets = built.problems.get(uid) ?? []
    if (whole.length + allocation.problems.length + targets.length === 0) continue
    problems.set(uid, [...whole.map((problem) => ({ problem, port: undefined })), ...allocation.problems, ...targets])
  }
  return problems
}

/** Frontends of Services with a malformed annotation. */
function heldFrontends(placements: readonly Placement[], table: Table): ReadonlyMap<FrontendKey, Problem> {
  const unreadable = new Map(
    placements.flatMap(({ allocation, settings }) => {
      const problem = unreadableBecause(settings)
      return problem === undefined ? [] : [[allocation.demand.service.metadata.uid, problem] as const]
    }),
  )
  const held = new Map<FrontendKey, Problem>()
  if (unreadable.size === 0) return held
  for (const frontend of table.frontends) {
    const problem = unreadable.get(frontend.service?.uid ?? '')
    if (problem !== undefined) held.set(frontendKey(frontend), problem)
  }
  return held
}

/**
 * Frontends that Services in the cluster account for, wanted or not any more, by what is recorded on them. A frontend on a proxy beyond these
 * is merely absent from our view, which proves nothing: see plan/guard.
 */
export function accountedKeys(services: readonly ServiceObject[]): ReadonlySet<FrontendKey> {
  return new Set(services.flatMap(recordedKeys))
}

/** The frontends that one Service holds by its record. */
export function recordedKeys(service: ServiceObject): readonly FrontendKey[] {
  const record = recordOf(service)
  return record === undefined ? [] : recordedFrontends(record).map(frontendKey)
}
