/**
 * What stands on one address and port, or one port, in the order in which it came. Each question takes the same time however much there is: an owner may
 * have ten thousand frontends on one socket.
 */
export interface Shelf<T> {
  /** The first one of all. */
  first(): T | undefined
  /** The first one of another holder. */
  findOther(holder: string): T | undefined
  /** The first one on another address. */
  findElsewhere(address: string): T | undefined
  /** One whose hosts overlap with these, as hostsOverlap has it. */
  findOverlap(hosts: readonly string[]): T | undefined
  add(one: T): void
}

interface Standing {
  readonly holder: string
  readonly socket: { readonly address: string }
  readonly hosts: readonly string[]
}

export function createShelf<T extends Standing>(): Shelf<T> {
  const holders = createFirsts<T>(({ holder }) => holder)
  const addresses = createFirsts<T>(({ socket }) => socket.address)
  const byHost = new Map<string, T>()
  const byParent = new Map<string, T>()
  const findHost = (host: string): T | undefined => {
    const wider = host.startsWith('*') ? byParent.get(parentOf(host)) : byHost.get(`*${parentOf(host)}`)
    return byHost.get(host) ?? wider
  }
  return {
    first: () => holders.findOther(undefined),
    findOther: holders.findOther,
    findElsewhere: addresses.findOther,
    findOverlap: (hosts) => {
      if (hosts.length === 0) return byHost.get(NONE)
      for (const host of hosts) {
        const found = findHost(host)
        if (found !== undefined) return found
      }
      return undefined
    },
    add: (one) => {
      holders.add(one)
      addresses.add(one)
      for (const host of one.hosts.length === 0 ? [NONE] : one.hosts) {
        keepFirst(byHost, host, one)
        if (!host.startsWith('*')) keepFirst(byParent, parentOf(host), one)
      }
    },
  }
}

/** In place of a host, for those that have none. */
const NONE = ''

/** `.b.example` of `a.b.example`, and of `*.b.example`; empty where there is no dot. */
function parentOf(host: string): string {
  return host.includes('.') ? host.slice(host.indexOf('.')) : ''
}

function keepFirst<T>(map: Map<string, T>, key: string, one: T): void {
  if (!map.has(key)) map.set(key, one)
}

/** Knows the first entry, and the first that differs from it. */
function createFirsts<T>(valueOf: (one: T) => string) {
  let first: T | undefined
  let second: T | undefined
  return {
    add: (one: T): void => {
      if (first === undefined) first = one
      else if (second === undefined && valueOf(one) !== valueOf(first)) second = one
    },
    findOther: (value: string | undefined): T | undefined => {
      return first !== undefined && valueOf(first) === value ? second : first
    },
  }
}
