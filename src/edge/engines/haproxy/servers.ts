import { hostPort } from '../../../model/address.ts'
import type { Target } from '../../../model/table.ts'
import type { Blueprint, CheckBackend, TargetBackend } from './blueprint.ts'
import type { Layout } from './slots.ts'

/** What of a server can change without a reload. */
export interface ServerState {
  readonly address: string
  /** Undefined: the port that frontends set. */
  readonly port: number | undefined
  /** 0: gets no new connections. */
  readonly weight: number
}

/** The servers of a backend in the order of its slots: `s1`, `s2` …; undefined: empty, in maintenance. */
export type Servers = readonly (ServerState | undefined)[]

/** The consistent hash gives a server 16 points for each unit: with 256 of them shares differ by few percent. */
const SOURCE_WEIGHT = 16

/** For slots that are empty; nothing is ever sent there (RFC 5737). */
const NOWHERE = '192.0.2.1'

/** What each backend's servers are, checks first. Slots are those of the backend's group. */
export function fillBackends(
  { checks, backends }: Blueprint,
  layouts: ReadonlyMap<string, Layout>,
): ReadonlyMap<string, Servers> {
  const slotsOf = ({ group }: CheckBackend | TargetBackend) => layouts.get(group) ?? []
  return new Map([
    ...[...checks.values()].map((one) => [one.name, slotsOf(one).map((slot) => checkServer(one, slot))] as const),
    ...[...backends.values()].map((one) => [one.name, slotsOf(one).map((slot) => targetServer(one, slot))] as const),
  ])
}

function checkServer({ check, port }: CheckBackend, target: Target | undefined): ServerState | undefined {
  if (target === undefined) return undefined
  return { address: target.address, port: check.port === undefined ? (target.port ?? port) : port, weight: 1 }
}

function targetServer(backend: TargetBackend, target: Target | undefined): ServerState | undefined {
  if (target === undefined) return undefined
  const { address, port, draining } = target
  return {
    address,
    port: backend.port === undefined ? undefined : (port ?? backend.port),
    weight: draining === undefined ? fullWeight(backend) : 0,
  }
}

/** The weight of a server that gets its share. */
export function fullWeight({ balance }: Pick<TargetBackend, 'balance'>): number {
  return balance === 'source' ? SOURCE_WEIGHT : 1
}

/** Of the server in a slot, counted from 0. */
export function serverName(slot: number): string {
  return `s${slot + 1}`
}

/** The words of a server line that runtime commands change. `empty` is a server of the same backend, for slots that have none. */
export function serverWords(server: ServerState | undefined, empty: Omit<ServerState, 'address'>): string {
  const { address, port, weight } = server ?? { ...empty, address: NOWHERE }
  const words = [socketText(address, port), ...(weight === 1 ? [] : [`weight ${weight}`])]
  return [...words, ...(server === undefined ? ['disabled'] : [])].join(' ')
}

/** Without brackets, HAProxy would take the last group of an IPv6 address for a port. */
function socketText(address: string, port: number | undefined): string {
  if (port !== undefined) return hostPort(address, port)
  return address.includes(':') ? `[${address}]` : address
}
