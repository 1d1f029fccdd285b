import type { ServiceObject } from '../kube/objects.ts'
import type { Settings } from './annotations.ts'
import { type PortDemand, type ServiceProblem, serviceProblem } from './demand.ts'
import type { Groups, PodWay } from './groups.ts'
import type { NodeWish } from './node-wish.ts'
import type { ClassSpec } from './spec.ts'

export interface WayContext {
  readonly spec: Pick<ClassSpec, 'podRanges'>
  readonly groups: Groups
  readonly nodeWish: (service: ServiceObject, settings: Settings) => NodeWish
}

/** Where one port of a Service leads. */
export interface Way {
  readonly port: PortDemand
  readonly on: 'nodes' | 'pods'
  /** Id of the group. */
  readonly group: string
  readonly targetPort: number
}

/** What of the cluster a Service leads to. */
export interface Sight {
  /** For the ports that lead to nodes. Which ones these are matters to the group alone; whether there is any, to what is told. */
  readonly nodes: NodeWish | undefined
  readonly noNodes: boolean
  readonly pods: readonly PodSight[]
}

export interface PodSight {
  readonly port: PortDemand
  readonly way: PodWay
}

export interface Ways extends Sight {
  readonly ways: readonly Way[]
  readonly problems: readonly ServiceProblem[]
}

/** Whether a port leads to pods: its Service says so and its class allows it, or there is no node port. */
export function leadsToPods(
  port: PortDemand,
  settings: Settings,
  { podRanges }: Pick<ClassSpec, 'podRanges'>,
): boolean {
  return hasNoNodePort(port) || (podRanges.length > 0 && settings.whole('targets') === 'pods')
}

export function hasNoNodePort({ nodePort }: Pick<PortDemand, 'nodePort'>): boolean {
  return nodePort === undefined || nodePort === 0
}

/** Finds the targets of some ports of a Service. A port without any stays, since clients are to be refused by the proxy rather than time out. */
export function findWays(
  service: ServiceObject,
  ports: readonly PortDemand[],
  settings: Settings,
  { nodeWish, groups, spec }: WayContext,
): Ways {
  const wish = nodeWish(service, settings)
  let nodes: NodeWish | undefined
  const pods: PodSight[] = []
  const ways = ports.map((port): Way => {
    if (!leadsToPods(port, settings, spec)) {
      nodes = wish
      return { port, on: 'nodes', group: wish.id, targetPort: port.nodePort ?? port.port }
    }
    const way = groups.byPods(service, port)
    pods.push({ port, way })
    return { port, on: 'pods', group: way.group.id, targetPort: way.targetPort }
  })
  const isEmpty = nodes !== undefined && groups.byNodes(service, nodes).targets.length === 0
  const problems = pods.flatMap(({ port, way }) => podProblems(service, port, way))
  if (isEmpty) problems.push(nowhere(service, wish.local))
  return { ways, nodes, noNodes: isEmpty, pods, problems }
}

/** Whether a Service would be built from the same now. */
export function isSeenAlike(service: ServiceObject, { nodes, noNodes, pods }: Sight, groups: Groups): boolean {
  if (nodes !== undefined && (groups.byNodes(service, nodes).targets.length === 0) !== noNodes) return false
  return pods.every(({ port, way }) => groups.byPods(service, port) === way)
}

function nowhere(service: ServiceObject, local: boolean): ServiceProblem {
  const what = local ? 'has no ready endpoint on any usable node' : 'has no usable node behind it'
  const remedy = local
    ? 'Check its pods, or set externalTrafficPolicy: Cluster'
    : 'Check that nodes are ready, and have an address of the wanted type and family (kubectl get nodes -o wide)'
  return serviceProblem(service, 'NoTargets', what, remedy)
}

/** At most so many are named. */
const MOST_NAMED = 3

function podProblems(
  service: ServiceObject,
  { text }: PortDemand,
  { group, refused }: PodWay,
): readonly ServiceProblem[] {
  if (refused.length > 0) {
    const others = refused.length > MOST_NAMED ? ' and others' : ''
    const what = `has endpoints that may not be targets: ${refused.slice(0, MOST_NAMED).join(', ')}${others}`
    return [
      serviceProblem(service, 'TargetRefused', what, 'Add their range to pods.cidrs of the class, or remove them'),
    ]
  }
  if (group.targets.length > 0) return []
  return [serviceProblem(service, 'NoTargets', `has no ready endpoint for port ${text}`, 'Check its pods', text)]
}
