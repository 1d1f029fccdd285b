/** Who has which server names of one socket. `*.b.example` stands for exactly one label (RFC 9525 section 6.3). */
export interface HostIndex<T> {
  /** Somebody else's host that is, covers, or is covered by one that is asked for. */
  find(host: string, asking: T): HostHolder<T> | undefined
  /** Whoever comes first keeps a host. */
  claim(host: string, holder: T): void
}

export interface HostHolder<T> {
  readonly holder: T
  readonly host: string
}

/** An index that answers without looking at every name: thousands of Services may share one socket. */
export function createHostIndex<T>(): HostIndex<T> {
  const holders = new Map<string, T>()
  /** Names by what follows their first label, `.b.example`: one for each of those who have any. */
  const under = new Map<string, Map<T, string>>()
  const findHolder = (host: string, asking: T) => {
    const holder = holders.get(host)
    return holder === undefined || holder === asking ? undefined : { holder, host }
  }
  const findUnder = (suffix: string, asking: T) => {
    for (const [holder, host] of under.get(suffix) ?? []) if (holder !== asking) return { holder, host }
    return undefined
  }
  return {
    find: (host, asking) =>
      findHolder(host, asking) ??
      (isWildcard(host) ? findUnder(host.slice(1), asking) : findHolder(`*${suffixOf(host)}`, asking)),
    claim: (host, holder) => {
      if (holders.has(host)) return
      holders.set(host, holder)
      if (isWildcard(host)) return
      const suffix = suffixOf(host)
      const names = under.get(suffix) ?? new Map<T, string>()
      under.set(suffix, names)
      if (!names.has(holder)) names.set(holder, host)
    },
  }
}

export function isWildcard(host: string): boolean {
  return host.startsWith('*.')
}

/** `.b.example` of `a.b.example`; of a name with one label nothing that a wildcard could have. */
function suffixOf(host: string): string {
  const dot = host.indexOf('.')
  return dot < 0 ? '' : host.slice(dot)
}
