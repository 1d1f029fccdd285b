import { type Frontend, serviceName } from '../model/table.ts'
import type { Demand } from './demand.ts'
import { createHostIndex, type HostIndex } from './host-index.ts'
import type { FixedFrontend } from './spec.ts'

/** Who can hold a socket: a Service by what it asks for, or a frontend of the configuration. */
export type Claimant = Demand | FixedFrontend

/** What is claimed of an address. */
export type Claim = Pick<Frontend, 'port' | 'protocol' | 'hosts'>

/** Why something of a claim cannot be had. */
export interface Conflict {
  /** The host that it is about; undefined: all that no other takes. */
  readonly host: string | undefined
  readonly holder: Claimant
  /** What the holder has there: the same, or a name that covers it or is covered by it. */
  readonly heldHost: string | undefined
}

/** Who holds what on which address, while one allocation runs. Claims are only ever added. */
export interface Ledger {
  /** What others hold of a claim; empty: it is free. */
  conflicts(address: string, claim: Claim, asking: Claimant): readonly Conflict[]
  /** Who is on the address and does not agree to share it with the asking Service. */
  objector(address: string, asking: Demand): Claimant | undefined
  /** Claims what nobody else has. Returns whether that is all of it. */
  claim(address: string, claims: readonly Claim[], claimant: Claimant): boolean
}

/** The first Service of some kind on an address, and the first that is another, or of another namespace, than that one: enough to find an other. */
interface Two {
  readonly first: Demand
  other: Demand | undefined
}

/** Who is on one address. */
interface Place {
  readonly number: number
  fixed: FixedFrontend | undefined
  users: Two | undefined
  namespaces: Two | undefined
  dedicated: Two | undefined
  /** Of those who share with their namespace only. */
  reserved: Two | undefined
}

const NONE: readonly Conflict[] = []
/** Of ports with a protocol on one address. */
const SOCKETS = 131_072

export function createLedger(): Ledger {
  const places = new Map<string, Place>()
  // By address and port as one number: there are too many sockets for a map on each address, or a text for each.
  const plain = new Map<number, Claimant>()
  const named = new Map<number, HostIndex<Claimant>>()
  return {
    conflicts: (address, claim, asking) => {
      const place = places.get(address)
      if (place === undefined) return NONE
      const socket = socketNumber(place, claim)
      if (claim.hosts.length > 0) return findHosts(named.get(socket), claim.hosts, asking)
      const holder = plain.get(socket)
      return holder === undefined || holder === asking ? NONE : [{ host: undefined, holder, heldHost: undefined }]
    },
    objector: (address, asking) => {
      const place = places.get(address)
      return place && findObjector(place, asking)
    },
    claim: (address, claims, claimant) => {
      let place = places.get(address)
      if (place === undefined) places.set(address, (place = emptyPlace(places.size)))
      join(place, claimant)
      let isFree = true
      for (const claim of claims) {
        const socket = socketNumber(place, claim)
        const isOwn =
          claim.hosts.length > 0 ? claimHosts(named, socket, claim.hosts, claimant) : claimRest(plain, socket, claimant)
        isFree &&= isOwn
      }
      return isFree
    },
  }
}

function claimRest(plain: Map<number, Claimant>, socket: number, claimant: Claimant): boolean {
  const holder = plain.get(socket)
  if (holder === undefined) plain.set(socket, claimant)
  return holder === undefined || holder === claimant
}

function claimHosts(
  named: Map<number, HostIndex<Claimant>>,
  socket: number,
  hosts: readonly string[],
  claimant: Claimant,
): boolean {
  const index = named.get(socket) ?? createHostIndex()
  named.set(socket, index)
  const free = hosts.filter((host) => index.find(host, claimant) === undefined)
  for (const host of free) index.claim(host, claimant)
  return free.length === hosts.length
}

function emptyPlace(number: number): Place {
  return {
    number,
    fixed: undefined,
    users: undefined,
    namespaces: undefined,
    dedicated: undefined,
    reserved: undefined,
  }
}

function socketNumber(place: Place, { port, protocol }: Claim): number {
  return place.number * SOCKETS + port * 2 + (protocol === 'UDP' ? 1 : 0)
}

function findHosts(
  index: HostIndex<Claimant> | undefined,
  hosts: readonly string[],
  asking: Claimant,
): readonly Conflict[] {
  if (index === undefined) return NONE
  return hosts.flatMap((host) => {
    const found = index.find(host, asking)
    return found === undefined ? [] : { host, holder: found.holder, heldHost: found.host }
  })
}

/** Both sides must agree. What the configuration puts on an address does not make it another namespace's, but nobody has it alone any more. */
function findObjector(place: Place, asking: Demand): Claimant | undefined {
  if (asking.sharing === 'dedicated') return place.fixed ?? otherThan(place.users, asking)
  const strangers = asking.sharing === 'namespace' ? place.namespaces : place.reserved
  return otherThan(place.dedicated, asking) ?? strangerTo(strangers, asking)
}

function otherThan(two: Two | undefined, asking: Demand): Demand | undefined {
  return two?.first === asking ? two.other : two?.first
}

function strangerTo(two: Two | undefined, asking: Demand): Demand | undefined {
  return two !== undefined && sameNamespace(two.first, asking) ? two.other : two?.first
}

function join(place: Place, claimant: Claimant): void {
  if (!('service' in claimant)) {
    place.fixed ??= claimant
    return
  }
  place.users = addTo(place.users, claimant, claimant !== place.users?.first)
  place.namespaces = addStranger(place.namespaces, claimant)
  if (claimant.sharing === 'dedicated')
    place.dedicated = addTo(place.dedicated, claimant, claimant !== place.dedicated?.first)
  if (claimant.sharing === 'namespace') place.reserved = addStranger(place.reserved, claimant)
}

function addStranger(two: Two | undefined, demand: Demand): Two {
  return addTo(two, demand, two !== undefined && !sameNamespace(two.first, demand))
}

function addTo(two: Two | undefined, demand: Demand, isOther: boolean): Two {
  if (two === undefined) return { first: demand, other: undefined }
  if (isOther) two.other ??= demand
  return two
}

function sameNamespace(a: Demand, b: Demand): boolean {
  return a.service.metadata.namespace === b.service.metadata.namespace
}

/** `team-a/web`, for messages. */
export function nameOf({ service }: Demand): string {
  return serviceName(service.metadata)
}

/** For messages: `Service team-a/web`, or `the configuration's frontend kube-apiserver`. */
export function describeClaimant(claimant: Claimant): string {
  return 'service' in claimant ? `Service ${nameOf(claimant)}` : `the configuration's frontend ${claimant.name}`
}
