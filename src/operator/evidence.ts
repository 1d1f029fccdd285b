import type { FrontendKey } from '../model/table.ts'

/** A proxy that stays away must not fill the memory; beyond this the guard asks a person. */
const MOST_OWED = 100_000

/**
 * Removals that were seen to be somebody's wish, until every proxy has been told: of Services that were let go while a proxy was away, of ports and
 * addresses that a Service has dropped or left with its class. One for all classes, since who writes that down on a Service is not always the class
 * whose proxies have it. In memory only: after a restart the guard asks a person about them.
 */
export interface Evidence {
  add(keys: Iterable<FrontendKey>): void
  /** What a proxy of a class may still have for no other reason than that it was not told. */
  of(className: string, proxy: string): ReadonlySet<FrontendKey>
  /** Goes on with what a proxy is owed from before. */
  owe(className: string, proxy: string, keys: Iterable<FrontendKey>): void
  /** A proxy has been brought to the table. `before` is what `of` gave for that. */
  settle(className: string, proxy: string, before: ReadonlySet<FrontendKey>): void
}

/** Knows nothing yet. `classes` gives the names of the proxies of each class. */
export function createEvidence(classes: ReadonlyMap<string, readonly string[]>): Evidence {
  const owed = new Map(
    [...classes].flatMap(([name, proxies]) => proxies.map((proxy) => [`${name}/${proxy}`, new Set<FrontendKey>()])),
  )
  return {
    add: (keys) => {
      for (const key of keys) for (const set of owed.values()) note(set, key)
    },
    of: (className, proxy) => new Set(owed.get(`${className}/${proxy}`)),
    owe: (className, proxy, keys) => {
      const set = owed.get(`${className}/${proxy}`)
      if (set !== undefined) for (const key of keys) note(set, key)
    },
    settle: (className, proxy, before) => {
      for (const key of before) owed.get(`${className}/${proxy}`)?.delete(key)
    },
  }
}

function note(set: Set<FrontendKey>, key: FrontendKey): void {
  set.add(key)
  const [oldest] = set
  if (set.size > MOST_OWED && oldest !== undefined) set.delete(oldest)
}
