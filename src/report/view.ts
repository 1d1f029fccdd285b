import type { Placement } from '../desired/build-service.ts'
import { drainOf } from '../desired/nodes.ts'
import type { NodeObject, ServiceObject } from '../kube/objects.ts'
import { hostPort } from '../model/address.ts'
import {
  compareText,
  type Frontend,
  type FrontendKey,
  frontendKey,
  serviceName,
  type TargetGroup,
} from '../model/table.ts'
import {
  type ChangeView,
  type FrontendState,
  type FrontendView,
  type GroupView,
  MOST_TROUBLES,
  type NodeView,
  type View,
} from '../model/view.ts'
import { createSites } from '../operator/sites.ts'
import { saySettings } from '../plan/render.ts'
import { gatherTroubles, type Trouble } from './problems.ts'
import { createServing, type Serving } from './served.ts'
import { overall, servedSince } from './status.ts'
import type { ClassSurvey, Survey } from './survey.ts'
import { viewClass } from './view-class.ts'

export interface ViewInput extends Pick<Survey, 'cluster' | 'classes' | 'selections'> {
  readonly nodes: readonly NodeObject[]
  /** The newest first. */
  readonly changes: readonly ChangeView[]
}

/** What the status page shows: the same facts as `fairway status`, with what each frontend leads to. */
export function makeView(input: ViewInput): View {
  const troubles = gatherTroubles(input)
  const firstOf = new Map(troubles.toReversed().map((one) => [one.about, one]))
  const groups = createGroupList()
  const frontends = [
    ...input.classes.flatMap((one) => listFrontends(one, groups, firstOf)),
    ...listRefused(input, firstOf),
  ]
  return {
    cluster: input.cluster,
    troubles: troubles
      .slice(0, MOST_TROUBLES)
      .map(({ about, code, message, remedy }) => ({ about, code, message, remedy })),
    troubleCount: troubles.length,
    classes: input.classes.map(viewClass),
    frontends,
    groups: groups.list,
    nodes: viewNodes(input.nodes, frontends, groups.list),
    changes: input.changes,
  }
}

interface GroupList {
  readonly list: readonly GroupView[]
  indexOf(group: TargetGroup): number
}

/** Groups in the order in which they are met. */
function createGroupList(): GroupList {
  const list: GroupView[] = []
  const places = new Map<TargetGroup, number>()
  return {
    list,
    indexOf: (group) => {
      const known = places.get(group)
      if (known !== undefined) return known
      places.set(group, list.length)
      return list.push({ targets: group.targets }) - 1
    },
  }
}

type Troubles = ReadonlyMap<string, Trouble>

/** The frontends that the configuration asks for, then those of Services by name, each with what became of it. */
function listFrontends(one: ClassSurvey, groups: GroupList, troubles: Troubles): readonly FrontendView[] {
  const { desired, spec } = one
  const built = new Map(desired.table.frontends.map((frontend) => [frontendKey(frontend), frontend]))
  const groupOf = new Map(desired.table.groups.map((group) => [group.id, group]))
  const serving = servingOf(one)
  const view = (key: FrontendKey, of: Pick<Frontend, 'address' | 'port' | 'protocol' | 'hosts'>): FrontendView => {
    const frontend = built.get(key)
    const group = frontend && groupOf.get(frontend.group)
    return {
      ...EMPTY,
      id: `${spec.name} ${key}`,
      className: spec.name,
      socket: hostPort(of.address, of.port),
      protocol: of.protocol,
      hosts: of.hosts,
      ...serving(key, of.address),
      group: group && groups.indexOf(group),
      targetPort: frontend?.targetPort,
      settings: frontend === undefined ? [] : saySettings(frontend),
    }
  }
  const fixed = desired.table.frontends.filter(({ service }) => service === undefined)
  const ofServices = desired.placements.flatMap((placement) => {
    const about = aboutService(placement.demand.service, troubles)
    if (placement.addresses.length === 0) return waiting(placement, spec.name, about)
    return placedOn(placement).map((of) => ({ ...view(frontendKey(of), of), ...about }))
  })
  return [...fixed.map((frontend) => view(frontendKey(frontend), frontend)), ...ofServices]
}

function placedOn({
  addresses,
  ports,
}: Placement): readonly Pick<Frontend, 'address' | 'port' | 'protocol' | 'hosts'>[] {
  return addresses.flatMap((address) => ports.map(({ port, protocol, hosts }) => ({ address, port, protocol, hosts })))
}

const EMPTY = {
  socket: undefined,
  protocol: '',
  hosts: [],
  service: undefined,
  state: 'waiting',
  on: [],
  group: undefined,
  targetPort: undefined,
  settings: [],
  since: undefined,
  trouble: undefined,
} as const

type About = Pick<FrontendView, 'service' | 'since' | 'trouble'>

function aboutService({ metadata, status }: ServiceObject, troubles: Troubles): About {
  const service = serviceName(metadata)
  const first = troubles.get(`Service ${service}`)
  const trouble = first && { code: first.code, message: first.message, remedy: first.remedy }
  return { service, since: servedSince(status.conditions)?.lastTransitionTime, trouble }
}

function waiting({ demand }: Placement, className: string, about: About): FrontendView {
  const protocol = demand.ports.map(({ text }) => text).join(', ')
  return { ...EMPTY, id: `${className} ${about.service}`, className, protocol, ...about }
}

/** Services that mean us and that no class may serve. */
function listRefused({ selections }: ViewInput, troubles: Troubles): readonly FrontendView[] {
  return selections.flatMap((one) => {
    if (one.kind !== 'refused') return []
    const about = aboutService(one.service, troubles)
    return { ...EMPTY, id: `refused ${about.service}`, className: '', ...about }
  })
}

/** Says of a frontend what each proxy that shall have it makes of it. */
function servingOf({
  spec,
  proxies,
}: ClassSurvey): (key: FrontendKey, address: string) => Pick<FrontendView, 'state' | 'on'> {
  const sites = createSites(spec.pools)
  const all = proxies.map((proxy) => ({ proxy: proxy.name, serving: createServing(proxy) }))
  return (key, address) => {
    const due = all
      .filter(({ proxy }) => sites(proxy, address))
      .map(({ proxy, serving }) => ({ proxy, serving: serving([key]) }))
    const state = STATES[overall(due.map(({ serving }) => serving))]
    return { state, on: due.map(({ proxy, serving }) => ({ proxy, state: STATES[serving] })) }
  }
}

const STATES: Readonly<Record<Serving, FrontendState>> = {
  yes: 'served',
  outdated: 'changing',
  'in part': 'in part',
  no: 'not served',
  unknown: 'unknown',
  'not asked': 'unknown',
}

function viewNodes(
  nodes: readonly NodeObject[],
  frontends: readonly FrontendView[],
  groups: readonly GroupView[],
): readonly NodeView[] {
  const perGroup = groups.map(() => 0)
  for (const { group } of frontends) if (group !== undefined) perGroup[group] = (perGroup[group] ?? 0) + 1
  const perAddress = new Map<string, number>()
  groups.forEach(({ targets }, index) => {
    for (const address of new Set(targets.map((target) => target.address)))
      perAddress.set(address, (perAddress.get(address) ?? 0) + (perGroup[index] ?? 0))
  })
  return nodes
    .map((node) => {
      const addresses = [...new Set(node.status.addresses.map(({ address }) => address))]
      const led = Math.max(0, ...addresses.map((address) => perAddress.get(address) ?? 0))
      return { name: node.metadata.name, state: stateOf(node), addresses, frontends: led }
    })
    .toSorted((a, b) => compareText(a.name, b.name))
}

function stateOf(node: NodeObject): NodeView['state'] {
  if (node.status.ready !== 'True') return 'not ready'
  return drainOf(node) ?? 'ready'
}
