import * as z from 'zod'
import { hostPort } from '../../../model/address.ts'
import type { Target } from '../../../model/table.ts'
import type { EngineState, TargetHealth } from '../engine.ts'
import type { Admin } from './admin.ts'
import { type Blueprint, portOf, type Route } from './blueprint.ts'

const answer = z.object({
  cluster_statuses: z
    .array(
      z.object({
        name: z.string(),
        host_statuses: z
          .array(
            z.object({
              address: z.object({
                socket_address: z.object({ address: z.string(), port_value: z.number() }).optional(),
              }),
              health_status: z.object({
                failed_active_health_check: z.boolean().optional(),
                pending_active_hc: z.boolean().optional(),
              }),
            }),
          )
          .default([]),
      }),
    )
    .default([]),
})

/** What was drawn last. */
export interface Served {
  readonly blueprint: Blueprint
  readonly groups: EngineState['groups']
}

/** How the running Envoy sees the targets of what was drawn last. It is asked only where something is checked: its answer has all there is. */
export async function readHealth(
  { blueprint, groups }: Served,
  admin: Admin,
  signal: AbortSignal,
): Promise<readonly TargetHealth[]> {
  const isChecked = blueprint.clusters.some(({ check }) => check !== undefined)
  const down = isChecked ? parseDown(await admin.get('/clusters?format=json', signal)) : new Map<string, Set<string>>()
  return blueprint.sockets
    .flatMap(({ routes }) => routes)
    .flatMap((route) => {
      const { name, group } = route.cluster
      return (groups.get(group)?.targets ?? []).map((target) => {
        const port = portOf(route.cluster, target)
        const isDown = down.get(name)?.has(hostPort(target.address, port)) ?? false
        return { id: route.id, address: target.address, port, state: stateOf(route, target, isDown) }
      })
    })
}

function stateOf({ cluster }: Route, { draining }: Target, isDown: boolean): TargetHealth['state'] {
  if (draining !== undefined) return 'draining'
  if (cluster.check === undefined) return 'unchecked'
  return isDown ? 'down' : 'up'
}

/** Targets that get nothing because of their check, or before the first one, by cluster. */
export function parseDown(text: string): ReadonlyMap<string, Set<string>> {
  const { cluster_statuses } = answer.parse(JSON.parse(text))
  return new Map(
    cluster_statuses.map(({ name, host_statuses }) => {
      const down = host_statuses.flatMap(({ address: { socket_address }, health_status }) => {
        const { failed_active_health_check, pending_active_hc } = health_status
        const isDown = failed_active_health_check === true || pending_active_hc === true
        return isDown && socket_address !== undefined
          ? [hostPort(socket_address.address, socket_address.port_value)]
          : []
      })
      return [name, new Set(down)] as const
    }),
  )
}
