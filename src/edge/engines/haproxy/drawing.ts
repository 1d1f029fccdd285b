import type { BoundFrontend, EngineState } from '../engine.ts'
import { type Blueprint, drawBlueprint } from './blueprint.ts'
import { type Rendered, type RenderOptions, renderConfig } from './render.ts'
import { occupantsOf, type Running } from './running.ts'
import { fillBackends, type Servers } from './servers.ts'
import { type Layout, layOut, type Occupant } from './slots.ts'

/** All that HAProxy is to serve, as its file says it. */
export interface Drawing {
  readonly blueprint: Blueprint
  /** By group. */
  readonly layouts: ReadonlyMap<string, Layout>
  /** By backend. */
  readonly servers: ReadonlyMap<string, Servers>
  /** Backends whose clients come back to their target. */
  readonly sticky: ReadonlySet<string>
  readonly rendered: Rendered
}

/** Draws frontends that `acceptFrontends` let through. Targets keep the slots that they have in a running HAProxy. */
export function drawConfig(
  frontends: readonly BoundFrontend[],
  groups: EngineState['groups'],
  running: Running['backends'],
  options: RenderOptions,
): Drawing {
  const blueprint = drawBlueprint(frontends, groups)
  const backends = [...blueprint.backends.values()]
  const before = findOccupants(blueprint, running)
  const used = new Set(backends.map(({ group }) => group))
  const layouts = new Map([...used].map((id) => [id, layOut(groups.get(id)?.targets ?? [], before.get(id) ?? [])]))
  const servers = fillBackends(blueprint, layouts)
  return {
    blueprint,
    layouts,
    servers,
    sticky: new Set(backends.filter(({ affinityMs }) => affinityMs !== undefined).map(({ name }) => name)),
    rendered: renderConfig(blueprint, servers, options),
  }
}

/** Who is in the slots of a group: the same in all its backends. */
function findOccupants(
  { backends }: Blueprint,
  running: Running['backends'],
): ReadonlyMap<string, readonly (Occupant | undefined)[]> {
  const found = new Map<string, readonly (Occupant | undefined)[]>()
  for (const { name, group, port } of backends.values()) {
    const servers = running.get(name)
    if (servers !== undefined && !found.has(group)) found.set(group, occupantsOf(servers, port))
  }
  return found
}
