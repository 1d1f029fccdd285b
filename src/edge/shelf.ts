/**
 * What stands on one address and port, or one port, in the order in which it came. Each question takes the same time however much there is: an owner may
 * have ten thousand frontends on one socket. Nearly all hold one thing alone, and there are thousands of them at each arbitration: an index of hosts is
 * made when somebody asks for it.
 */
export interface Shelf<T> {
  readonly first: T
  rest: T[] | undefined
  /** The first one of another holder than the very first has, and the first one on another address. */
  otherHolder: T | undefined
  otherAddress: T | undefined
  hosts: HostIndex<T> | undefined
}

interface HostIndex<T> {
  readonly byHost: Map<string, T>
  readonly byParent: Map<string, T>
}

interface Standing {
  readonly holder: string
  readonly socket: { readonly address: string }
  readonly hosts: readonly string[]
}

export function createShelf<T extends Standing>(first: T): Shelf<T> {
  return { first, rest: undefined, otherHolder: undefined, otherAddress: undefined, hosts: undefined }
}

export function addTo<T extends Standing>(shelf: Shelf<T>, one: T): void {
  const { first, hosts } = shelf
  if (one.holder !== first.holder) shelf.otherHolder ??= one
  if (one.socket.address !== first.socket.address) shelf.otherAddress ??= one
  shelf.rest ??= []
  shelf.rest.push(one)
  if (hosts !== undefined) addHosts(hosts, one)
}

/** The first one of another holder. */
export function findOther<T extends Standing>({ first, otherHolder }: Shelf<T>, holder: string): T | undefined {
  return first.holder === holder ? otherHolder : first
}

/** The first one on another address. */
export function findElsewhere<T extends Standing>({ first, otherAddress }: Shelf<T>, address: string): T | undefined {
  return first.socket.address === address ? otherAddress : first
}

/** One whose hosts overlap with these, as hostsOverlap has it. */
export function findOverlap<T extends Standing>(shelf: Shelf<T>, hosts: readonly string[]): T | undefined {
  shelf.hosts ??= indexHosts([shelf.first, ...(shelf.rest ?? [])])
  const { byHost, byParent } = shelf.hosts
  if (hosts.length === 0) return byHost.get(NONE)
  for (const host of hosts) {
    const wider = host.startsWith('*') ? byParent.get(parentOf(host)) : byHost.get(`*${parentOf(host)}`)
    const found = byHost.get(host) ?? wider
    if (found !== undefined) return found
  }
  return undefined
}

function indexHosts<T extends Standing>(all: readonly T[]): HostIndex<T> {
  const index = { byHost: new Map<string, T>(), byParent: new Map<string, T>() }
  for (const one of all) addHosts(index, one)
  return index
}

function addHosts<T extends Standing>({ byHost, byParent }: HostIndex<T>, one: T): void {
  for (const host of one.hosts.length === 0 ? [NONE] : one.hosts) {
    keepFirst(byHost, host, one)
    if (!host.startsWith('*')) keepFirst(byParent, parentOf(host), one)
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
