import { type Frontend, frontendKey, type Target, type TargetGroup } from '../model/table.ts'

/** What one target of a group is told apart from the others by. */
export function targetKey({ address, port }: Pick<Target, 'address' | 'port'>): string {
  return port === undefined ? address : `${address} ${port}`
}

/** What keeps frontends and groups from being a table, as a clause for people, or undefined. */
export function findInconsistency(frontends: readonly Frontend[], groups: readonly TargetGroup[]): string | undefined {
  const ids = groups.map(({ id }) => id)
  const known = new Set(ids)
  const stray = frontends.find(({ group }) => !known.has(group))
  const key = findTwice(frontends.map(frontendKey))
  const id = findTwice(ids)
  if (key !== undefined) return `frontend ${shorten(key)} is there twice`
  if (id !== undefined) return `group ${shorten(id)} is there twice`
  if (stray !== undefined)
    return `frontend ${shorten(frontendKey(stray))} needs group ${shorten(stray.group)}, which is not there`
  for (const { id: group, targets } of groups) {
    const target = findTwice(targets.map(targetKey))
    if (target !== undefined) return `group ${shorten(group)} has target ${target} twice`
  }
  return undefined
}

function findTwice(texts: readonly string[]): string | undefined {
  const seen = new Set<string>()
  return texts.find((text) => seen.size === seen.add(text).size)
}

/** A text of a request, as long as a message may hold it. */
export function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
