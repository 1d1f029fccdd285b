import type { BoundFrontend, EngineState } from '../engine.ts'
import { type Blueprint, drawBlueprint } from './blueprint.ts'
import { renderCluster } from './render-cluster.ts'
import { renderListener } from './render-listener.ts'
import { type Resources, renderResources } from './resources.ts'

/** All that Envoy is to serve, as its files say it. */
export interface Drawing {
  readonly blueprint: Blueprint
  readonly listeners: Resources
  readonly clusters: Resources
}

/** Draws frontends that `acceptFrontends` let through. */
export function drawConfig(frontends: readonly BoundFrontend[], groups: EngineState['groups']): Drawing {
  const blueprint = drawBlueprint(frontends, groups)
  return {
    blueprint,
    listeners: renderResources(blueprint.sockets, renderListener),
    clusters: renderResources(blueprint.clusters, (one) => renderCluster(one, groups.get(one.group)?.targets ?? [])),
  }
}
