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

/** The first name of some that a wildcard covers, and the first one of another holder: enough to find one that is not the asking one's. */
interface Covered<T> {
  readonly first: HostHolder<T>
  other: HostHolder<T> | undefined
}

/** An index that answers without looking at every name: thousands of Services may share one socket. */
export function createHostIndex<T>(): HostIndex<T> {
  const holders = new Map<string, T>()
  /** By what follows the first label, `.b.example`. */
  const covered = new Map<string, Covered<T>>()
  const findHolder = (host: string, asking: T) => {
    const holder = holders.get(host)
    return holder === undefined || holder === asking ? undefined : { holder, host }
  }
  const findCovered = (suffix: string, asking: T) => {
    const some = covered.get(suffix)
    return some?.first.holder === asking ? some.other : some?.first
  }
  return {
    find: (host, asking) =>
      findHolder(host, asking) ??
      (isWildcard(host) ? findCovered(host.slice(1), asking) : findHolder(`*${suffixOf(host)}`, asking)),
    claim: (host, holder) => {
      if (holders.has(host)) return
      holders.set(host, holder)
      if (isWildcard(host)) return
      const some = covered.get(suffixOf(host))
      if (some === undefined) covered.set(suffixOf(host), { first: { holder, host }, other: undefined })
      else if (some.first.holder !== holder) some.other ??= { holder, host }
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
