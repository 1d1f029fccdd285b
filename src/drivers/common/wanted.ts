import { type ListenMap, type Socket, socketOf } from '../../model/listen.ts'
import type { Served } from '../../model/table.ts'
import { type Frontend, type FrontendKey, frontendKey, type Table } from '../../model/table.ts'

/** A frontend of the table that is applied, and what it would be bound to. */
export interface Wanted extends Served {
  readonly key: FrontendKey
  readonly frontend: Frontend
  readonly socket: Socket
}

/** Frontends with their targets. Throws for a table that lacks a group of its own, which is a defect. */
export function resolveTable(listen: ListenMap, { frontends, groups }: Table): readonly Wanted[] {
  const byId = new Map(groups.map((group) => [group.id, group.targets]))
  return frontends.map((frontend) => {
    const targets = byId.get(frontend.group)
    const key = frontendKey(frontend)
    if (targets === undefined)
      throw new TypeError(`${key} names group ${frontend.group}, which its table does not have`)
    return { key, frontend, targets, socket: socketOf(listen, frontend) }
  })
}
