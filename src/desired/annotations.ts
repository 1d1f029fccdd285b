import type { ServiceObject, ServicePort } from '../kube/objects.ts'
import { CLASS_ANNOTATION, EXTERNAL_ADDRESS_ANNOTATION, PREFIX } from '../model/names.ts'
import { didYouMean } from '../model/nearest.ts'
import type { Problem, ProblemCode } from '../model/problems.ts'
import { compareText, serviceName } from '../model/table.ts'
import { type AnnotationName, type AnnotationValue, READERS, readPort } from './annotation-values.ts'

/** Annotations whose value can differ by port: `v2`, or `https=v2,ssh=off` with port names or numbers. */
const BY_PORT = new Set<AnnotationName>([
  'proxy-protocol',
  'balance',
  'health-check',
  'idle-timeout',
  'max-connections',
])
/** Those whose class default is meant for TCP: hardly anything takes a PROXY header on UDP, and a UDP port cannot be connected to. */
const TCP_DEFAULTS = new Set<AnnotationName>(['proxy-protocol', 'health-check'])
/** Read elsewhere, or written by us. */
const OTHER_NAMES = ['class', 'ports', 'external-address'] as const

export interface Settings {
  /** The value of an annotation of the whole Service: its own, else the class's default, else undefined. */
  whole<N extends AnnotationName>(name: N): AnnotationValue<N> | undefined
  /** The same for one port. A class default of proxy-protocol or health-check is for TCP only. */
  forPort<N extends AnnotationName>(name: N, port: ServicePort): AnnotationValue<N> | undefined
  /** Whether the Service itself says it, for this port or at all. */
  asked(name: AnnotationName, port?: ServicePort): boolean
  /** Annotation `ports`: the frontend port of each port that it names; undefined when absent or malformed. */
  readonly ports: ((port: ServicePort) => number | undefined) | undefined
  readonly problems: readonly Problem[]
}

type Texts = ReadonlyMap<string, string>

/**
 * Reads all annotations of a Service over the defaults of its class (annotation names without prefix). Never throws: what is malformed or
 * unknown is a problem, and reads as if it were absent; callers keep what is already served while there is one.
 */
export function readSettings(service: ServiceObject, defaults: Readonly<Record<string, string>>): Settings {
  const own = new Map<string, Texts>()
  const standing = new Map<string, Texts>()
  const problems: Problem[] = []
  const complain = (code: ProblemCode, what: string, remedy: string) => {
    problems.push({ code, kind: 'terminal', message: `Service ${serviceName(service.metadata)} ${what}`, remedy })
  }
  for (const [key, text] of Object.entries(service.metadata.annotations).toSorted(([a], [b]) => compareText(a, b))) {
    if (!key.startsWith(`${PREFIX}/`) || key === CLASS_ANNOTATION || key === EXTERNAL_ADDRESS_ANNOTATION) continue
    const name = key.slice(PREFIX.length + 1)
    if (name === 'ports') continue
    if (!isKnown(name)) {
      const suggestion = didYouMean(name, [...Object.keys(READERS), ...OTHER_NAMES])
      complain(
        'AnnotationUnknown',
        `has the annotation ${key}, which does not exist${suggestion}`,
        'Correct or remove it',
      )
      continue
    }
    const texts = splitByPort(name, text, service.spec.ports)
    if (typeof texts === 'string')
      complain('AnnotationInvalid', `has ${key}: "${shorten(text)}": ${texts}`, `Set it to ${READERS[name].form}`)
    else own.set(name, texts)
  }
  for (const [name, text] of Object.entries(defaults)) standing.set(name, new Map([['', text]]))
  const ports = readPorts(service, complain)
  return { ...lookups(own, standing), ports, problems }
}

/** Checks a class's defaults: messages for those that do not exist or are malformed, by name. */
export function checkDefaults(defaults: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const complaints = new Map<string, string>()
  for (const [name, text] of Object.entries(defaults)) {
    if (!isKnown(name)) complaints.set(name, `unknown annotation "${name}"${didYouMean(name, Object.keys(READERS))}`)
    else if (READERS[name].read(text) === undefined)
      complaints.set(name, `"${shorten(text)}" is not ${READERS[name].form}`)
  }
  return complaints
}

/** One default of a class as a value, or undefined when it is absent or malformed. */
export function readDefault<N extends AnnotationName>(
  defaults: Readonly<Record<string, string>>,
  name: N,
): AnnotationValue<N> | undefined {
  return readText(name, Object.hasOwn(defaults, name) ? defaults[name] : undefined)
}

function isKnown(name: string): name is AnnotationName {
  return Object.hasOwn(READERS, name)
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

/** Tells a TCP port from a UDP port of the same number. */
function portKey({ port, protocol }: Pick<ServicePort, 'port' | 'protocol'>): string {
  return `${port}/${protocol}`
}

/** Value texts by port key, '' for all ports; or what is wrong. */
function splitByPort(name: AnnotationName, text: string, ports: readonly ServicePort[]): Texts | string {
  const texts = new Map<string, string>()
  const byPort = BY_PORT.has(name) && text.includes('=')
  const entries = byPort ? text.split(',').map((part) => part.trim().split('=')) : [['', text.trim()]]
  for (const [selector = '', value = '', ...rest] of entries) {
    const chosen = byPort ? portsNamed(selector, ports).map(portKey) : ['']
    if (chosen.length === 0 || rest.length > 0) return `"${shorten(selector)}" is no port of the Service`
    if (value !== 'off' && READERS[name].read(value) === undefined) return `"${shorten(value)}" is malformed`
    for (const key of chosen) {
      if (texts.has(key)) return `port ${key} is there twice`
      texts.set(key, value)
    }
  }
  return texts
}

/** By its name, which is unique in a Service, or by its number, which a TCP and a UDP port may share. */
function portsNamed(selector: string, ports: readonly ServicePort[]): readonly ServicePort[] {
  return ports.filter((port) => port.name === selector || String(port.port) === selector)
}

/** `off` undoes a default, and so reads as undefined, even where it could be a name. */
function readText<N extends AnnotationName>(name: N, text: string | undefined): AnnotationValue<N> | undefined {
  return text === undefined || text === 'off' ? undefined : READERS[name].read(text)
}

function lookups(
  own: ReadonlyMap<string, Texts>,
  standing: ReadonlyMap<string, Texts>,
): Pick<Settings, 'whole' | 'forPort' | 'asked'> {
  return {
    whole: (name) => readText(name, own.get(name)?.get('') ?? standing.get(name)?.get('')),
    forPort: (name, port) => {
      const asked = own.get(name)?.get(portKey(port)) ?? own.get(name)?.get('')
      const inherits = !TCP_DEFAULTS.has(name) || port.protocol === 'TCP'
      return readText(name, asked ?? (inherits ? standing.get(name)?.get('') : undefined))
    },
    asked: (name, port) => {
      const texts = own.get(name)
      return texts?.has('') === true || (port !== undefined && texts?.has(portKey(port)) === true)
    },
  }
}

/** Annotation `ports` (`https=443,smtp=25`): frontend ports of a NodePort Service, whose own ports are often not the public ones. */
function readPorts(
  service: ServiceObject,
  complain: (code: ProblemCode, what: string, remedy: string) => void,
): Settings['ports'] {
  const key = `${PREFIX}/ports`
  const text = service.metadata.annotations[key]
  if (text === undefined) return undefined
  if (service.spec.type === 'LoadBalancer') {
    complain(
      'AnnotationInvalid',
      `is of type LoadBalancer and has ${key}, though its clients read spec.ports`,
      `Remove ${key} and set spec.ports`,
    )
    return undefined
  }
  const mapped = new Map<string, number>()
  const taken = new Set<string>()
  for (const part of text.split(',')) {
    const [selector = '', value = '', ...rest] = part.trim().split('=')
    const chosen = portsNamed(selector, service.spec.ports)
    const frontend = readPort(value)
    const sockets = chosen.map(({ protocol }) => `${frontend}/${protocol}`)
    const twice = chosen.some((port) => mapped.has(portKey(port))) || sockets.some((one) => taken.has(one))
    if (chosen.length === 0 || frontend === undefined || rest.length > 0 || twice) {
      complain(
        'AnnotationInvalid',
        `has ${key}: "${shorten(text)}": "${shorten(part)}" is malformed`,
        'Write it like https=443,smtp=25, each port once on either side',
      )
      return undefined
    }
    for (const port of chosen) mapped.set(portKey(port), frontend)
    for (const one of sockets) taken.add(one)
  }
  return (port) => mapped.get(portKey(port))
}
