import type { ServiceCondition, ServiceObject } from '../kube/objects.ts'
import { canonicalAddress } from '../model/address.ts'
import { ALLOCATED_CONDITION } from '../model/names.ts'
import type { Frontend, Protocol } from '../model/table.ts'

/** What a Service holds: kept in its condition `fairway.dev/Allocated`, which only writers of `services/status` can change. */
export interface AllocationRecord {
  readonly className: string
  /** Canonical, each once. */
  readonly addresses: readonly string[]
  /** In the order of the Service's ports: what is held on every one of the addresses. */
  readonly ports: readonly RecordedPort[]
}

export interface RecordedPort {
  /** `443/TCP` */
  readonly text: string
  /** Server names, sorted; empty: all that no other takes. */
  readonly hosts: readonly string[]
}

const FOR_PORTS = ' for ports '
const OF_CLASS = ' of class '
/** Ends what every version reads. Behind it a later one may say more, as long as whoever does not know that may leave it unread. */
const MORE = ';'
const PORT = /^\d{1,5}\/(TCP|UDP)$/
const HOST = /^(\*\.)?[a-z0-9][a-z0-9.-]*$/

/** `443/TCP`: how a port is written in records and messages. */
export function portText(port: number, protocol: Protocol): string {
  return `${port}/${protocol}`
}

/** The inverse of `portText`, for texts that it wrote. */
export function readPortText(text: string): { readonly port: number; readonly protocol: Protocol } {
  const slash = text.indexOf('/')
  return { port: Number(text.slice(0, slash)), protocol: text.endsWith('/UDP') ? 'UDP' : 'TCP' }
}

/** `443/TCP`, or with hosts `443/TCP=a.example,*.b.example`. */
export function formatPort({ text, hosts }: RecordedPort): string {
  return hosts.length === 0 ? text : `${text}=${hosts.join(',')}`
}

/** The condition's message. `parseRecord` reads it back, so its form is part of what users have stored: it is only ever extended. */
export function formatRecord({ className, addresses, ports }: AllocationRecord): string {
  return `${addresses.join(', ')} for ports ${ports.map(formatPort).join(', ') || 'none'} of class ${className}`
}

/** The inverse of `formatRecord`, whatever stands behind a semicolon; undefined for what it did not write. See decision 17. */
export function parseRecord(message: string): AllocationRecord | undefined {
  const middle = message.indexOf(FOR_PORTS)
  const end = message.indexOf(OF_CLASS, middle)
  if (middle < 0 || end < 0) return undefined
  const [className = ''] = message.slice(end + OF_CLASS.length).split(MORE, 1)
  const addresses = parseAddresses(message.slice(0, middle))
  const ports = parsePorts(message.slice(middle + FOR_PORTS.length, end))
  if (!/^\S+$/.test(className) || addresses === undefined || ports === undefined) return undefined
  return { className, addresses, ports }
}

function parseAddresses(list: string): readonly string[] | undefined {
  const addresses = list.split(', ')
  if (addresses.length > 1 && new Set(addresses).size < addresses.length) return undefined
  return addresses.every((one) => canonicalAddress(one) === one) ? addresses : undefined
}

function parsePorts(list: string): readonly RecordedPort[] | undefined {
  if (list === 'none') return []
  const ports: RecordedPort[] = []
  for (const written of list.split(', ')) {
    const port = parsePort(written)
    if (port === undefined) return undefined
    ports.push(port)
  }
  return ports
}

function parsePort(written: string): RecordedPort | undefined {
  const equals = written.indexOf('=')
  const text = equals < 0 ? written : written.slice(0, equals)
  const hosts = equals < 0 ? [] : written.slice(equals + 1).split(',')
  // No client names a server over UDP.
  const sound = PORT.test(text) && hosts.every((host) => HOST.test(host)) && (equals < 0 || text.endsWith('/TCP'))
  return sound ? { text, hosts } : undefined
}

/** What was read already. A record is asked for many times in a pass, and objects of the caches are never edited. */
const known = new WeakMap<ServiceCondition, AllocationRecord>()

/** Whether anything is recorded on a Service, in whatever form. */
export function hasRecord(service: ServiceObject): boolean {
  return conditionOf(service) !== undefined
}

function conditionOf({ status }: ServiceObject): ServiceCondition | undefined {
  const condition = status.conditions.find(({ type }) => type === ALLOCATED_CONDITION)
  return condition?.status === 'True' ? condition : undefined
}

/** The record that a Service bears, word by word, where it says of what is held what a new one would. */
export function sameRecord(service: ServiceObject, message: string): string | undefined {
  const record = recordOf(service)
  return record !== undefined && formatRecord(record) === message ? conditionOf(service)?.message : undefined
}

/** What a Service holds now, or undefined when nothing is recorded that can be read. */
export function recordOf(service: ServiceObject): AllocationRecord | undefined {
  const condition = conditionOf(service)
  if (condition === undefined) return undefined
  const before = known.get(condition)
  if (before !== undefined) return before
  const record = parseRecord(condition.message)
  if (record !== undefined) known.set(condition, record)
  return record
}

/** What names each frontend that a record stands for. */
export function recordedFrontends({
  addresses,
  ports,
}: AllocationRecord): readonly Pick<Frontend, 'address' | 'port' | 'protocol' | 'hosts'>[] {
  return ports.flatMap(({ text, hosts }) => {
    const socket = readPortText(text)
    return addresses.map((address) => ({ address, ...socket, hosts }))
  })
}
