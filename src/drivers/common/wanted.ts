import { type ListenMap, type Socket, socketOf } from '../../model/listen.ts'
import { createMapper } from '../../model/remember.ts'
import {
  type Frontend,
  type FrontendKey,
  frontendKey,
  type Served,
  type Table,
  type Target,
} from '../../model/table.ts'

/** A frontend of the table that is applied, and what it would be bound to. */
export interface Wanted extends Served {
  readonly key: FrontendKey
  readonly frontend: Frontend
  readonly socket: Socket
}

/** Finds the targets of a table's frontends. Throws for a table that lacks a group of its own, which is a defect. */
export type Resolver = (table: Table) => readonly Wanted[]

/** Frontends with their targets, once. */
export function resolveTable(listen: ListenMap, table: Table): readonly Wanted[] {
  return createResolver(listen)(table)
}

/** Finds targets again and again. What comes of the same frontend and the same targets as the last time is the same object. */
export function createResolver(listen: ListenMap): Resolver {
  const resolveAll = createMapper(
    (frontend: Frontend, byId: ReadonlyMap<string, readonly Target[]>): Wanted => {
      const targets = byId.get(frontend.group)
      const key = frontendKey(frontend)
      if (targets === undefined) {
        throw new TypeError(`${key} names group ${frontend.group}, which its table does not have`)
      }
      return { key, frontend, targets, socket: socketOf(listen, frontend) }
    },
    ({ frontend, targets }, byId) => byId.get(frontend.group) !== targets,
  )
  return ({ frontends, groups }) => resolveAll(frontends, new Map(groups.map(({ id, targets }) => [id, targets])))
}
