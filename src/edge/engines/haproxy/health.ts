import type { TargetHealth } from '../engine.ts'
import type { Route } from './blueprint.ts'
import type { Drawing } from './drawing.ts'
import type { Running, RunningServer } from './running.ts'
import { serverName } from './servers.ts'

/** How the running HAProxy sees the targets of what was drawn last. */
export function readHealth(
  { blueprint, layouts }: Pick<Drawing, 'blueprint' | 'layouts'>,
  running: Running['backends'],
): readonly TargetHealth[] {
  return blueprint.sockets
    .flatMap(({ routes }) => routes)
    .flatMap((route) => {
      const servers = running.get(route.backend.name)
      const layout = layouts.get(route.backend.group) ?? []
      return layout.flatMap((target, slot): readonly TargetHealth[] => {
        const server = servers?.get(serverName(slot))
        if (target === undefined || server === undefined) return []
        const port = target.port ?? route.frontend.targetPort
        return [{ id: route.id, address: target.address, port, state: stateOf(route, server) }]
      })
    })
}

function stateOf({ backend }: Route, server: RunningServer): TargetHealth['state'] {
  if (server.weight === 0 || server.drained) return 'draining'
  if (backend.tracks === undefined) return 'unchecked'
  return server.up && !server.maintenance ? 'up' : 'down'
}
