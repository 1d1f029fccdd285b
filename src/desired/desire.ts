import type { ServiceObject } from '../kube/objects.ts'
import type { Problem } from '../model/problems.ts'
import { createMapper } from '../model/remember.ts'
import { type FrontendKey, frontendKey, type Table } from '../model/table.ts'
import { createAllocator } from './allocate.ts'
import { createSettings, type Settings } from './annotations.ts'
import { createBuilder } from './build.ts'
import type { Placement, Wish } from './build-service.ts'
import type { ServiceProblem } from './demand.ts'
import { demandOf } from './read-demand.ts'
import { recordedFrontends, recordOf } from './record.ts'
import { type ClassRule, type Selection, selectService } from './select.ts'
import type { ClassSpec, ClusterState } from './spec.ts'
import { unreadServices } from './unreadable.ts'

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
  return createSelector(classes)(services)
}

export type Selector = (services: readonly ServiceObject[]) => readonly Selection[]

/** Selects again and again, and looks only at the Services that are new. */
export function createSelector(classes: readonly ClassRule[]): Selector {
  const selectAll = createMapper((service: ServiceObject) => selectService(service, classes))
  return (services) => selectAll(services).filter((one) => one !== undefined)
}

/** The desired state of one class: pure, and the same for the same input whatever its order. */
export function desireClass(spec: ClassSpec, selections: readonly Selection[], state: ClusterState): Desired {
  return createDesirer(spec)(selections, state)
}

/** Says what a class desires. */
export type Desirer = (selections: readonly Selection[], state: ClusterState) => Desired

/**
 * The desired state of one class, again and again: what `desireClass` says, and faster, since it remembers what it made of objects that are still
 * the same.
 */
export function createDesirer(spec: ClassSpec): Desirer {
  const settingsOf = createSettings(spec.defaults)
  const readAll = createMapper((one: Wanted) => readWish(one, settingsOf(one.service), spec))
  const allocateAll = createAllocator<Wish>(spec)
  const build = createBuilder(spec)
  return (selections, state) => {
    const wanted = selections.filter((one) => one.kind === 'wanted').filter(({ className }) => className === spec.name)
    const placements = allocateAll(readAll(wanted), unreadServices(selections))
    return { placements, ...build(placements, state) }
  }
}

type Wanted = Extract<Selection, { readonly kind: 'wanted' }>

function readWish({ service, problem }: Wanted, settings: Settings, spec: ClassSpec): Wish {
  return { ...demandOf(service, spec, settings), settings, aboutClass: problem }
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
