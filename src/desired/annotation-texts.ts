import type { ServicePort } from '../kube/objects.ts'
import { type AnnotationName, READERS } from './annotation-values.ts'

/** Annotations whose value can differ by port: `v2`, or `https=v2,ssh=off` with port names or numbers. */
const BY_PORT = new Set<AnnotationName>([
  'proxy-protocol',
  'balance',
  'health-check',
  'health-check-interval',
  'health-check-timeout',
  'health-check-rise',
  'health-check-fall',
  'idle-timeout',
  'max-connections',
])
/** All hosts of all ports of a Service are part of its record, which a condition must hold. */
const LONGEST_HOSTS = 16_384

/** Value texts by port key, '' for all ports that have none of their own. */
export type Texts = ReadonlyMap<string, string>

/** Splits the text of an annotation by port; or says what is wrong with it. Every value is `off` or one that its reader takes. */
export function splitText(name: AnnotationName, text: string, ports: readonly ServicePort[]): Texts | string {
  if (name === 'hosts') return splitHosts(text, ports)
  if (BY_PORT.has(name) && text.includes('=')) return splitByPort(name, text, ports)
  const value = text.trim()
  return value === 'off' || READERS[name].read(value) !== undefined
    ? new Map([['', value]])
    : `"${shorten(value)}" is malformed`
}

/** Tells a TCP port from a UDP port of the same number. */
export function portKey({ port, protocol }: Pick<ServicePort, 'port' | 'protocol'>): string {
  return `${port}/${protocol}`
}

/** By its name, which is unique in a Service, or by its number, which a TCP and a UDP port may share. */
export function portsNamed(selector: string, ports: readonly ServicePort[]): readonly ServicePort[] {
  return ports.filter((port) => port.name === selector || String(port.port) === selector)
}

/** For messages: a long text is cut. */
export function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

function splitByPort(name: AnnotationName, text: string, ports: readonly ServicePort[]): Texts | string {
  const texts = new Map<string, string>()
  for (const part of text.split(',')) {
    const [selector = '', value = '', ...rest] = part.trim().split('=')
    const chosen = portsNamed(selector, ports).map(portKey)
    if (chosen.length === 0 || rest.length > 0) return `"${shorten(selector)}" is no port of the Service`
    if (value !== 'off' && READERS[name].read(value) === undefined) return `"${shorten(value)}" is malformed`
    for (const key of chosen) {
      if (texts.has(key)) return `port ${key} is there twice`
      texts.set(key, value)
    }
  }
  return texts
}

/**
 * `a.example,mail=b.example,mail=c.example`: names for all TCP ports, and for one. A port with entries of its own has only those. UDP has no
 * server names, so a number means the TCP port.
 */
function splitHosts(text: string, all: readonly ServicePort[]): Texts | string {
  const ports = all.filter(({ protocol }) => protocol === 'TCP')
  const lists = new Map<string, string[]>()
  for (const part of text.split(',')) {
    const [host = '', selector, ...rest] = part.trim().split('=').toReversed()
    const chosen = selector === undefined ? [''] : portsNamed(selector, ports).map(portKey)
    if (chosen.length === 0 || rest.length > 0) return `"${shorten(selector ?? '')}" is no TCP port of the Service`
    if (host !== 'off' && READERS.hosts.read(host) === undefined) return `"${shorten(host)}" is malformed`
    for (const key of chosen) {
      const list = lists.get(key) ?? []
      if (list.length > 0 && [host, ...list].includes('off')) return '"off" stands beside a host'
      if (list.includes(host)) return `"${shorten(host)}" is there twice`
      lists.set(key, [...list, host])
    }
  }
  const texts = new Map([...lists].map(([key, list]) => [key, list.join(',')]))
  const length = ports.reduce((sum, port) => sum + (texts.get(portKey(port)) ?? texts.get('') ?? '').length, 0)
  const sound = length <= LONGEST_HOSTS && [...texts.values()].every((one) => READERS.hosts.read(one) !== undefined)
  return sound ? texts : 'there are too many hosts'
}
