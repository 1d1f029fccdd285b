import type { ServiceObject } from '../kube/objects.ts'
import type { TargetGroup } from '../model/table.ts'
import type { Settings } from './annotations.ts'
import { type PortDemand, type ServiceProblem, serviceProblem } from './demand.ts'
import type { SocketGroup } from './endpoints.ts'
import { type Groups, nodeWish } from './groups.ts'
import type { ClassSpec } from './spec.ts'

/** Where one port of a Service leads. */
export interface Way extends SocketGroup {
  readonly port: PortDemand
  readonly on: 'nodes' | 'pods'
  /** Whether the group is empty only when no node is usable: under externalTrafficPolicy Local it is whenever no pod is ready. */
  readonly anyNode: boolean
}

export interface Ways {
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
  groups: Groups,
  spec: ClassSpec,
): Ways {
  const problems: ServiceProblem[] = []
  let nodes: Pick<Way, 'group' | 'anyNode'> | undefined
  const ways = ports.map((port): Way => {
    if (!leadsToPods(port, settings, spec)) {
      nodes ??= findNodes(service, settings, groups, spec)
      return { port, on: 'nodes', group: nodes.group, targetPort: port.nodePort ?? port.port, anyNode: nodes.anyNode }
    }
    const { group, targetPort, refused } = groups.byPods(service, port)
    problems.push(...podProblems(service, port, group, refused))
    return { port, on: 'pods', group, targetPort, anyNode: false }
  })
  if (nodes?.group.targets.length === 0) problems.push(noNodes(service, !nodes.anyNode))
  return { ways, problems }
}

function findNodes(
  service: ServiceObject,
  settings: Settings,
  groups: Groups,
  spec: ClassSpec,
): Pick<Way, 'group' | 'anyNode'> {
  const wish = nodeWish(service, settings, spec)
  return { group: groups.byNodes(service, wish), anyNode: !wish.local }
}

function noNodes(service: ServiceObject, local: boolean): ServiceProblem {
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
  group: TargetGroup,
  refused: readonly string[],
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
