import { canonicalAddress, type Family, familyOf, isForwardable } from '../model/address.ts'
import type { Problem, ProblemCode } from '../model/problems.ts'
import { createRecall } from '../model/remember.ts'
import { sameGroup, sameTexts } from '../model/same.ts'
import { compareText, type Frontend, type Protocol } from '../model/table.ts'
import { readDefault } from './annotations.ts'
import { askedCheck, paceOf } from './checks.ts'
import { findSockets, groupSockets, type SocketGroup } from './endpoints.ts'
import { readRanges } from './frontend.ts'
import type { Groups } from './groups.ts'
import type { ClassSpec, ClusterState, FixedFrontend, FixedTargets } from './spec.ts'

export interface BuiltFixed extends SocketGroup {
  readonly frontends: readonly Frontend[]
  /** Whether the group is empty only when no node is usable. */
  readonly anyNode: boolean
  readonly problems: readonly Problem[]
}

/** Builds the frontends of the configuration. Those that lead where they did the time before are the objects that they were. */
export function createFixed(spec: ClassSpec): (groups: Groups, state: ClusterState) => readonly BuiltFixed[] {
  const built = createRecall(sameLead)
  return (groups, state) => {
    built.next()
    return spec.fixed.map((fixed) =>
      built.get(
        fixed.name,
        () => sourcesOf(fixed, state),
        () => buildFixed(fixed, groups, spec, state),
      ),
    )
  }
}

/** What of the cluster a frontend depends on. */
function sourcesOf({ targets }: FixedFrontend, { nodes, slicesOf }: ClusterState): readonly object[] {
  switch (targets.kind) {
    case 'nodes':
      return [nodes]
    case 'addresses':
      return []
    case 'service':
      return slicesOf(targets)
  }
  return targets satisfies never
}

function sameLead(a: BuiltFixed, b: BuiltFixed): boolean {
  const messages = ({ problems }: BuiltFixed) => problems.map(({ message }) => message)
  return a.targetPort === b.targetPort && sameGroup(a.group, b.group) && sameTexts(messages(a), messages(b))
}

/** Builds one of them, on each of its addresses. Its settings are its own: defaults of the class are for Services. */
function buildFixed(fixed: FixedFrontend, groups: Groups, spec: ClassSpec, state: ClusterState): BuiltFixed {
  const problems: Problem[] = []
  const complain = (code: ProblemCode, what: string, remedy: string) => {
    problems.push({ code, kind: 'terminal', message: `Frontend "${fixed.name}" of the configuration ${what}`, remedy })
  }
  const lead = findTargets(fixed, groups, spec, state, complain)
  if (lead.group.targets.length === 0) {
    complain('NoTargets', `has no ${NOUNS[fixed.targets.kind]} behind it`, 'Check its targets in the configuration')
  }
  const ranges = readRanges(fixed.sourceRanges)
  // As with Services: without ranges that can be read nobody may be let in.
  if (ranges === undefined) complain('AddressInvalid', 'has source ranges that are no CIDRs', 'Correct sourceRanges')
  const frontends = ranges === undefined ? [] : listen(fixed, lead, ranges)
  return { ...lead, frontends, anyNode: fixed.targets.kind === 'nodes', problems }
}

const NOUNS: Readonly<Record<FixedTargets['kind'], string>> = {
  nodes: 'usable node',
  addresses: 'address',
  service: 'ready endpoint',
}

function listen(fixed: FixedFrontend, lead: SocketGroup, ranges: readonly string[]): readonly Frontend[] {
  const { port, protocol, settings } = fixed
  const shape = {
    port,
    protocol,
    group: lead.group.id,
    targetPort: lead.targetPort,
    ...fixedSettings(settings, protocol),
    sourceRanges: ranges,
    service: undefined,
  }
  return fixed.addresses.map((address) => ({ address, ...shape }))
}

/** What a frontend without a Service is set to by annotations, which have been checked; names without prefix. */
export function fixedSettings(
  settings: FixedFrontend['settings'],
  protocol: Protocol,
): Pick<
  Frontend,
  'proxyProtocol' | 'balance' | 'healthCheck' | 'affinityMs' | 'idleTimeoutMs' | 'maxConnections' | 'hosts'
> {
  const kind = readDefault(settings, 'health-check')
  return {
    proxyProtocol: readDefault(settings, 'proxy-protocol') ?? 'off',
    balance: readDefault(settings, 'balance') ?? 'round-robin',
    healthCheck:
      kind &&
      askedCheck(
        kind,
        paceOf((name) => readDefault(settings, name)),
      ),
    affinityMs: undefined,
    idleTimeoutMs: readDefault(settings, 'idle-timeout'),
    maxConnections: readDefault(settings, 'max-connections'),
    hosts: protocol === 'TCP' ? (readDefault(settings, 'hosts')?.toSorted(compareText) ?? []) : [],
  }
}

type Complain = (code: ProblemCode, what: string, remedy: string) => void

function findTargets(
  fixed: FixedFrontend,
  groups: Groups,
  spec: ClassSpec,
  state: ClusterState,
  complain: Complain,
): SocketGroup {
  const { targets, targetPort, protocol } = fixed
  const id = `fixed/${fixed.name}`
  const families = familiesOf(fixed)
  switch (targets.kind) {
    case 'nodes': {
      const selectors = targets.selector === '' ? [] : [targets.selector]
      const group = groups.nodes(id, { selectors, excluded: true, types: spec.addressTypes, families })
      return { group, targetPort }
    }
    case 'addresses': {
      const addresses = new Set(targets.addresses.flatMap((text) => canonicalAddress(text) ?? []))
      const sockets = [...addresses].map((address) => ({ address, port: targetPort }))
      return groupSockets(id, sockets, targetPort)
    }
    case 'service': {
      const { sockets, refused } = findSockets(state.slicesOf(targets), {
        families,
        publishNotReady: false,
        portOf: ({ ports }) => {
          const [only, ...others] = ports.filter((port) => port.protocol === protocol)
          return (others.length === 0 ? only?.port : undefined) ?? targetPort
        },
        allowed: (address) => isForwardable(address) && !spec.forbidden(address),
      })
      const some = refused.slice(0, 3).join(', ')
      if (refused.length > 0) complain('TargetRefused', `has endpoints that may not be targets: ${some}`, 'Remove them')
      return groupSockets(id, sockets, targetPort)
    }
  }
  return targets satisfies never
}

/** A proxy reaches targets of either family: those of the frontend's first. */
function familiesOf({ addresses }: FixedFrontend): readonly Family[] {
  const [first = ''] = addresses
  return familyOf(first) === 'IPv6' ? ['IPv6', 'IPv4'] : ['IPv4', 'IPv6']
}
