import type { Servers } from '../../../caddy/apps.ts'
import { renderServer } from '../../../caddy/render.ts'
import { findUnrenderable } from '../../../caddy/unrenderable.ts'
import { withoutDraining } from '../../../model/draining.ts'
import { serverKey } from '../../../model/server-names.ts'
import type { Owner, Protocol, Served, Target, TargetGroup } from '../../../model/table.ts'
import { type Accepted, acceptFrontends } from '../common/accept.ts'
import { groupBySocket, socketOf } from '../common/by-socket.ts'
import type { BoundFrontend, EngineState } from '../engine.ts'
import { CADDY } from './capabilities.ts'

/**
 * What the edge's servers bear in place of a cluster's owner: `fairway.edge.local.tcp.203.0.113.10.443`. A cluster of that name that programs the same
 * Caddy from afar has another UID, and is refused.
 */
export const OWNER: Owner = { cluster: 'edge', className: 'local', uid: 'edge' }

/** Parts frontends as the other engines do, and by what Caddy's own words can hold: it expands placeholders in every string. */
export function acceptForCaddy(state: EngineState): Accepted {
  const accepted = acceptFrontends(state, CADDY)
  const refused = accepted.frontends.flatMap((bound) => {
    const { frontend, targets } = servedOf(bound, state.groups)
    const problem = findUnrenderable('caddy', frontend, targets)
    return problem === undefined ? [] : [{ id: bound.id, problem }]
  })
  const ids = new Set(refused.map(({ id }) => id))
  return {
    frontends: accepted.frontends.filter(({ id }) => !ids.has(id)),
    refused: [...accepted.refused, ...refused],
  }
}

/** Draws accepted frontends: one server for each socket that is bound. */
export function drawServers(frontends: readonly BoundFrontend[], groups: EngineState['groups']): Servers {
  const context = { owner: OWNER, listen: {} }
  const serve = (bound: BoundFrontend) => servedOf(bound, groups)
  const drawn = groupBySocket(frontends).map(({ socket, frontends: [first, ...more] }) => {
    return [serverKey(OWNER, socket), renderServer(context, [serve(first), ...more.map(serve)])] as const
  })
  return new Map(drawn)
}

/** Of the server that a frontend is in. */
export function keyOf(bound: BoundFrontend): string {
  return serverKey(OWNER, socketOf(bound))
}

/** A frontend as Caddy knows it: at the address that it binds. */
function servedOf({ frontend, bindAddress }: BoundFrontend, groups: EngineState['groups']): Served {
  const { group: id, ...rest } = frontend
  const group = groups.get(id)
  return {
    frontend: { ...rest, address: bindAddress },
    targets: group === undefined ? [] : activeTargets(group, frontend.protocol),
  }
}

/** Those that get new connections: all, where nobody else would. UDP has nothing that a draining target could keep across a change. */
export function activeTargets(group: TargetGroup, protocol: Protocol): readonly Target[] {
  if (protocol === 'UDP') return withoutDraining(group).targets
  const staying = group.targets.filter(({ draining }) => draining === undefined)
  return staying.length > 0 ? staying : group.targets
}
