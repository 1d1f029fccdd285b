import type { Observed } from '../model/driver.ts'
import {
  type Frontend,
  type FrontendKey,
  frontendKey,
  makeTable,
  splitKey,
  type Table,
  type TargetGroup,
} from '../model/table.ts'
import { keysThere } from './diff.ts'

/** Group ids of what is kept as observed: never those that a build gives. */
const KEPT = 'kept'

/**
 * Held frontends that the proxy has in a form that we would not write: by hand, or by another version. They stay untouched, since writing them
 * anew needs the wishes that cannot be read.
 */
export function keptUntouched(held: Iterable<FrontendKey>, observed: Observed): ReadonlySet<FrontendKey> {
  return new Set([...held].filter((key) => observed.drifted.has(key)))
}

/** What a proxy has at addresses where nobody knows who holds what. Of what a Service accounts for it is known. */
export function keptAt(
  addresses: ReadonlySet<string> | undefined,
  accounted: Pick<ReadonlySet<FrontendKey>, 'has'>,
  observed: Observed,
): ReadonlySet<FrontendKey> {
  if (addresses === undefined || addresses.size === 0) return new Set()
  return new Set([...keysThere(observed)].filter((key) => addresses.has(addressIn(key)) && !accounted.has(key)))
}

/** The address of a frontend, by its key. */
export function addressIn(key: FrontendKey): string {
  const { socket } = splitKey(key)
  return socket.slice(socket.indexOf('/') + 1, socket.lastIndexOf(':')).replace(/^\[|\]$/g, '')
}

/**
 * Keeps what is already served from getting worse. Frontends in `held` belong to Services whose wishes cannot be read at the moment: they stay
 * as the proxy has them, or away when it has none. And a frontend whose nodes are all gone keeps the targets it has: no node at all is more
 * likely a broken view than the truth, and where it is the truth nothing is lost. `nodeGroups` are the groups for which that holds: under
 * externalTrafficPolicy Local a group is empty whenever no pod is ready.
 */
export function holdServed(
  desired: Table,
  held: Pick<ReadonlySet<FrontendKey>, 'has' | 'size'>,
  nodeGroups: ReadonlySet<string>,
  observed: Observed,
): Table {
  if (held.size === 0 && !desired.groups.some(({ id, targets }) => targets.length === 0 && nodeGroups.has(id))) {
    return desired
  }
  const groups = new Map(desired.groups.map((group) => [group.id, group]))
  const had = new Map(observed.table.frontends.map((frontend) => [frontendKey(frontend), frontend]))
  const hadGroups = new Map(observed.table.groups.map((group) => [group.id, group]))
  const keep = (source: Frontend): TargetGroup => ({
    id: `${KEPT} ${source.group}`,
    targets: hadGroups.get(source.group)?.targets ?? [],
  })
  const frontends = desired.frontends.flatMap((frontend) => {
    const key = frontendKey(frontend)
    const before = had.get(key)
    if (held.has(key)) {
      if (before === undefined || observed.drifted.has(key)) return []
      const group = keep(before)
      groups.set(group.id, group)
      return [{ ...before, group: group.id, service: frontend.service }]
    }
    const empty = groups.get(frontend.group)?.targets.length === 0 && nodeGroups.has(frontend.group)
    if (!empty || before === undefined || observed.drifted.has(key)) return [frontend]
    const group = keep(before)
    groups.set(group.id, group)
    return [{ ...frontend, group: group.id, targetPort: before.targetPort }]
  })
  return makeTable(frontends, groups.values())
}
