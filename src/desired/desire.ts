import type { EndpointSliceObject, NodeObject, ServiceObject } from '../kube/objects.ts'
import type { Problem } from '../model/problems.ts'
import { type FrontendKey, frontendKey, type Table } from '../model/table.ts'
import { allocate } from './allocate.ts'
import type { NodeAddressType } from './annotation-values.ts'
import { readSettings } from './annotations.ts'
import { type Built, buildTable, type Placement } from './build.ts'
import { demandOf, type ServiceProblem } from './demand.ts'
import type { Pool } from './pools.ts'
import { recordOf } from './record.ts'
import { type ClassRule, type Selection, selectService } from './select.ts'

/** What the desired state of a class depends on beside the cluster. */
export interface ClassSpec {
  readonly name: string
  readonly pools: readonly Pool[]
  readonly deniedPorts: ReadonlySet<number>
  /** Annotation values by name without prefix. */
  readonly defaults: Readonly<Record<string, string>>
  readonly addressTypes: readonly NodeAddressType[]
  readonly nodeSelector: string
  /** Addresses that may never be a target. */
  readonly forbidden: (address: string) => boolean
}

export interface ClusterState {
  readonly services: readonly ServiceObject[]
  readonly nodes: readonly NodeObject[]
  readonly slicesOf: (service: ServiceObject) => readonly EndpointSliceObject[]
}

export interface Desired {
  readonly table: Table
  readonly placements: readonly Placement[]
  /** Problems of wanted Services by UID; a Service without any has no entry. */
  readonly problems: ReadonlyMap<string, readonly ServiceProblem[]>
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
  const known = new Map(
    wanted.map(({ service, problem }) => [
      service.metadata.uid,
      { settings: readSettings(service, spec.defaults), selected: problem === undefined ? [] : [problem] },
    ]),
  )
  const settingsOf = (service: ServiceObject) =>
    known.get(service.metadata.uid)?.settings ?? readSettings(service, spec.defaults)
  const demands = wanted.map(({ service }) => demandOf(service, spec.name, settingsOf(service), spec.deniedPorts))
  const placements = allocate(demands, spec.pools).map((allocation) => ({
    allocation,
    settings: settingsOf(allocation.demand.service),
  }))
  const built = buildTable(placements, { ...spec, ...state })
  const problems = new Map<string, readonly ServiceProblem[]>()
  for (const { allocation, settings: own } of placements) {
    const { uid } = allocation.demand.service.metadata
    const selected = known.get(uid)?.selected ?? []
    const whole = [...selected, ...own.problems].map((problem) => ({ problem, port: undefined }))
    const all = [...whole, ...allocation.problems, ...(built.problems.get(uid) ?? [])]
    if (all.length > 0) problems.set(uid, all)
  }
  return {
    table: built.table,
    placements,
    problems,
    held: new Map([...heldFrontends(placements, built.table), ...closedFrontends(placements, built)]),
    nodeGroups: built.nodeGroups,
  }
}

/** Frontends of Services with a malformed annotation. An unknown one holds nothing back: it may be meant for a newer version. */
function heldFrontends(placements: readonly Placement[], table: Table): ReadonlyMap<FrontendKey, Problem> {
  const unreadable = new Map(
    placements.map(({ allocation, settings }) => [
      allocation.demand.service.metadata.uid,
      settings.problems.find(({ code }) => code === 'AnnotationInvalid'),
    ]),
  )
  const held = new Map<FrontendKey, Problem>()
  for (const frontend of table.frontends) {
    const problem = unreadable.get(frontend.service?.uid ?? '')
    if (problem !== undefined) held.set(frontendKey(frontend), problem)
  }
  return held
}

/** Frontends that were allocated and are not in the table, because what limits their clients cannot be read. */
function closedFrontends(
  placements: readonly Placement[],
  { table, problems }: Built,
): ReadonlyMap<FrontendKey, Problem> {
  const open = new Set(table.frontends.map(frontendKey))
  const closed = new Map<FrontendKey, Problem>()
  for (const { allocation } of placements) {
    const problem = problems.get(allocation.demand.service.metadata.uid)?.at(-1)?.problem
    if (problem === undefined) continue
    const keys = allocation.addresses.flatMap((address) =>
      allocation.ports.map(({ port, protocol }) => frontendKey({ address, port, protocol })),
    )
    for (const key of keys) if (!open.has(key)) closed.set(key, problem)
  }
  return closed
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
  const { addresses = [], ports = [] } = recordOf(service) ?? {}
  return ports.flatMap((text) => {
    const [port, protocol] = text.split('/')
    return addresses.map((address) =>
      frontendKey({ address, port: Number(port), protocol: protocol === 'UDP' ? 'UDP' : 'TCP' }),
    )
  })
}
