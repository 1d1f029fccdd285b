import { canonicalAddress, type Family, familyOf } from '../model/address.ts'
import { parseDuration } from '../model/duration.ts'
import { LABEL } from '../model/names.ts'
import type { Balance, CheckKind, ProxyProtocol } from '../model/table.ts'
import { parseSelector } from './label-selector.ts'

export type Sharing = 'any' | 'namespace' | 'dedicated'
export type NodeAddressType = 'ExternalIP' | 'InternalIP'
export type TargetKind = 'nodes' | 'pods'

/** How the value of one annotation is read: undefined for a malformed one. `form` says what would be right. */
export interface ValueReader<T> {
  readonly form: string
  readonly read: (text: string) => T | undefined
}

function oneOf<const T extends string>(...values: readonly T[]): ValueReader<T> {
  return { form: `one of ${values.join(', ')}`, read: (text) => values.find((value) => value === text) }
}

/** A comma-separated list; undefined when empty, when an entry is malformed, or when an entry is there twice. */
function listOf<T extends string | number>(
  form: string,
  read: (text: string) => T | undefined,
  most = 64,
): ValueReader<readonly T[]> {
  return {
    form,
    read: (text) => {
      const values = text.split(',').map((part) => read(part.trim()))
      const sound = values.every((value) => value !== undefined) && values.length <= most
      return sound && new Set(values).size === values.length ? values : undefined
    },
  }
}

function wholeNumber(text: string): number | undefined {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined
}

/** A TCP or UDP port number. */
export function readPort(text: string): number | undefined {
  const value = wholeNumber(text)
  return value !== undefined && value <= 65_535 ? value : undefined
}

const label = (text: string) => (LABEL.test(text) ? text : undefined)

/**
 * Server names as a TLS client may send them, or `*.` before one (RFC 6066 section 3, RFC 9525 section 6.3). An IPv4 address, which ends in a
 * number, is none.
 */
function hostName(text: string): string | undefined {
  return /^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text) &&
    !/(^|\.)\d+$/.test(text) &&
    text.length <= 253
    ? text
    : undefined
}

/** Between checks, or for an answer: shorter ones load the targets, longer ones find nothing out. */
const PACE: ValueReader<number> = {
  form: 'a duration from 100ms to 1h',
  read: (text) => {
    const value = parseDuration(text)
    return value !== undefined && value >= 100 && value <= 3_600_000 ? value : undefined
  },
}

const TIMES: ValueReader<number> = {
  form: 'a number from 1 to 100',
  read: (text) => {
    const value = wholeNumber(text)
    return value !== undefined && value <= 100 ? value : undefined
  },
}

const address = listOf('an address, or one IPv4 and one IPv6 address', canonicalAddress, 2)

const TABLE = {
  address: {
    form: address.form,
    read: (text: string) => {
      const addresses = address.read(text)
      return new Set(addresses?.map(familyOf)).size === addresses?.length ? addresses : undefined
    },
  },
  pool: { form: 'the name of a pool', read: label },
  families: listOf<Family>('IPv4, IPv6, or both', (text) => (text === 'IPv4' || text === 'IPv6' ? text : undefined), 2),
  sharing: oneOf<Sharing>('any', 'namespace', 'dedicated'),
  hosts: listOf('host names, or *. before one', hostName),
  'proxy-protocol': oneOf<ProxyProtocol>('v1', 'v2', 'off'),
  balance: oneOf<Balance>('round-robin', 'least-connections', 'source', 'random'),
  // `off` reads as undefined, see readText.
  'health-check': { form: 'one of tcp, http, off', read: oneOf<CheckKind>('tcp', 'http').read },
  'health-check-interval': PACE,
  'health-check-timeout': PACE,
  'health-check-rise': TIMES,
  'health-check-fall': TIMES,
  'idle-timeout': { form: 'a duration like 30s or 5m', read: parseDuration },
  'max-connections': { form: 'a number from 1', read: wholeNumber },
  targets: oneOf<TargetKind>('nodes', 'pods'),
  'node-address-type': listOf<NodeAddressType>('ExternalIP, InternalIP, or both in the order of preference', (text) =>
    text === 'ExternalIP' || text === 'InternalIP' ? text : undefined,
  ),
  'node-selector': {
    form: 'a label selector',
    read: (text: string) => (parseSelector(text) === undefined ? undefined : text),
  },
} as const satisfies Record<string, ValueReader<unknown>>

export type AnnotationName = keyof typeof TABLE
export type AnnotationValue<N extends AnnotationName> = NonNullable<ReturnType<(typeof TABLE)[N]['read']>>

/** Every annotation beside `class`, `ports` and what we write ourselves, by its name without prefix. */
export const READERS: { readonly [N in AnnotationName]: ValueReader<AnnotationValue<N>> } = TABLE
