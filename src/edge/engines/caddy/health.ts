import { hostPort } from '../../../model/address.ts'
import type { BoundFrontend, EngineState, TargetHealth } from '../engine.ts'
import { activeTargets } from './drawing.ts'

/** What Caddy's checks say of the targets that they dial: by `10.0.0.11:30443`. */
export type Verdicts = ReadonlyMap<string, boolean>

const LINE = /^caddy_layer4_proxy_upstream_healthy\{[^}]*\bupstream="(?<dial>[^"]+)"[^}]*\} (?<value>[01])$/gm

/** Reads the answer of `/metrics`, which is all that Caddy tells of them (docs/handlers/proxy.md of caddy-l4). */
export function readVerdicts(metrics: string): Verdicts {
  const found = metrics.matchAll(LINE)
  return new Map([...found].map(({ groups }) => [groups?.['dial'] ?? '', groups?.['value'] === '1']))
}

/** How Caddy sees the targets of frontends that it serves. It keeps one verdict for a target, whoever asked for the check. */
export function healthOf(
  frontends: readonly BoundFrontend[],
  groups: EngineState['groups'],
  verdicts: Verdicts,
): readonly TargetHealth[] {
  return frontends.flatMap(({ id, frontend }) => {
    const group = groups.get(frontend.group)
    if (group === undefined) return []
    const active = new Set(activeTargets(group, frontend.protocol).map(({ address, port }) => `${address} ${port}`))
    return group.targets.map((target): TargetHealth => {
      const { address, port = frontend.targetPort } = target
      const isActive = active.has(`${address} ${target.port}`)
      const verdict = frontend.healthCheck === undefined ? undefined : verdicts.get(hostPort(address, port))
      return { id, address, port, state: isActive ? stateOf(verdict) : 'draining' }
    })
  })
}

function stateOf(verdict: boolean | undefined): TargetHealth['state'] {
  if (verdict === undefined) return 'unchecked'
  return verdict ? 'up' : 'down'
}
