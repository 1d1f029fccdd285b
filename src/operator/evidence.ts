import type { FrontendKey } from '../model/table.ts'

/**
 * Removals that were seen to be somebody's wish, until every proxy has been told: of Services that were let go while a proxy was away, and of ports
 * and addresses that a Service has dropped. In memory only: after a restart the guard asks a person about them.
 */
export interface Evidence {
  add(keys: Iterable<FrontendKey>): void
  /** What a proxy may still have for no other reason than that it was not told. */
  of(proxy: string): ReadonlySet<FrontendKey>
  /** A proxy has been brought to the table. `before` is what `of` gave for that. */
  settle(proxy: string, before: ReadonlySet<FrontendKey>): void
}

export function createEvidence(proxies: readonly string[]): Evidence {
  const owed = new Map(proxies.map((proxy) => [proxy, new Set<FrontendKey>()]))
  return {
    add: (keys) => {
      for (const key of keys) for (const set of owed.values()) set.add(key)
    },
    of: (proxy) => new Set(owed.get(proxy)),
    settle: (proxy, before) => {
      for (const key of before) owed.get(proxy)?.delete(key)
    },
  }
}
