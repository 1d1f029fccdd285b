import type { ServiceObject, ServicePort } from '../kube/objects.ts'
import { CLASS_ANNOTATION, EXTERNAL_ADDRESS_ANNOTATION, PREFIX } from '../model/names.ts'
import { didYouMean } from '../model/nearest.ts'
import type { Problem, ProblemCode } from '../model/problems.ts'
import { compareText, serviceName } from '../model/table.ts'
import { portKey, shorten, splitText, type Texts } from './annotation-texts.ts'
import { type AnnotationName, type AnnotationValue, READERS } from './annotation-values.ts'
import { type PortMapping, readPortMapping } from './port-mapping.ts'

/** Those whose class default is meant for TCP: hardly anything takes a PROXY header on UDP, and a UDP port cannot be connected to. */
const TCP_DEFAULTS = new Set<AnnotationName>(['proxy-protocol', 'health-check', 'hosts'])
const PORTS_ANNOTATION = `${PREFIX}/ports`
/** Read elsewhere, or written by us. */
const OTHER_KEYS = new Set([CLASS_ANNOTATION, PORTS_ANNOTATION, EXTERNAL_ADDRESS_ANNOTATION])

/** No server names: all that no other takes. */
const ALL: readonly string[] = []

export interface Settings {
  /** Whether the Service says nothing of its own: all of it is the class's, and the ports of one protocol are set alike. */
  readonly plain: boolean
  /** The value of an annotation of the whole Service: its own, else the class's default, else undefined. */
  whole<N extends AnnotationName>(name: N): AnnotationValue<N> | undefined
  /** The same for one port. A class default of proxy-protocol, health-check or hosts is for TCP only. */
  forPort<N extends AnnotationName>(name: N, port: ServicePort): AnnotationValue<N> | undefined
  /** Whether the Service itself says it, for this port or at all. */
  asked(name: AnnotationName, port?: ServicePort): boolean
  /** Whether the Service, or its class for it, says anything for this port: `off` too, which reads as undefined. */
  said(name: AnnotationName, port: ServicePort): boolean
  /** Server names that a port asks for, sorted; none for UDP. */
  hostsFor(port: ServicePort): readonly string[]
  /** Annotation `ports`; undefined when absent or malformed. */
  readonly ports: PortMapping | undefined
  readonly problems: readonly Problem[]
}

type Defaults = Readonly<Record<string, string>>
type Complain = (code: ProblemCode, what: string, remedy: string) => void

/**
 * Reads all annotations of a Service over the defaults of its class (annotation names without prefix). Never throws: what is malformed or
 * unknown is a problem, and reads as if it were absent; callers keep what is already served while there is one.
 */
export function readSettings(service: ServiceObject, defaults: Defaults): Settings {
  const problems: Problem[] = []
  const complain: Complain = (code, what, remedy) => {
    problems.push({ code, kind: 'terminal', message: `Service ${serviceName(service.metadata)} ${what}`, remedy })
  }
  const own = readOwn(service, complain)
  const ports = readPorts(service, complain)
  return { plain: isPlain(service), ...lookups(own, defaults), ports, problems }
}

/** Reads the settings of Services of one class. Those that say nothing of their own share what they get. */
export function createSettings(defaults: Defaults): (service: ServiceObject) => Settings {
  const plain = { plain: true, ...lookups(new Map(), defaults), ports: undefined, problems: [] }
  return (service) => (isPlain(service) ? plain : readSettings(service, defaults))
}

function isPlain({ metadata }: ServiceObject): boolean {
  for (const key in metadata.annotations) {
    if (key !== CLASS_ANNOTATION && key !== EXTERNAL_ADDRESS_ANNOTATION && key.startsWith(`${PREFIX}/`)) return false
  }
  return true
}

/** Checks a class's defaults: messages for those that do not exist or are malformed, by name. */
export function checkDefaults(defaults: Defaults): ReadonlyMap<string, string> {
  const complaints = new Map<string, string>()
  for (const [name, text] of Object.entries(defaults)) {
    if (!isKnown(name)) complaints.set(name, `unknown annotation "${name}"${didYouMean(name, Object.keys(READERS))}`)
    else if (text !== 'off' && READERS[name].read(text) === undefined)
      complaints.set(name, `"${shorten(text)}" is not ${READERS[name].form}`)
  }
  return complaints
}

/** One default of a class as a value, or undefined when it is absent, `off` or malformed. */
export function readDefault<N extends AnnotationName>(defaults: Defaults, name: N): AnnotationValue<N> | undefined {
  return readText(name, defaultText(defaults, name))
}

/** Whether a class default of an annotation is for TCP ports only. */
export function isTcpDefault(name: string): boolean {
  return isKnown(name) && TCP_DEFAULTS.has(name)
}

/** The texts of a Service's own annotations, by name. */
function readOwn(service: ServiceObject, complain: Complain): ReadonlyMap<AnnotationName, Texts> {
  const own = new Map<AnnotationName, Texts>()
  const keys = Object.keys(service.metadata.annotations).filter(
    (key) => key.startsWith(`${PREFIX}/`) && !OTHER_KEYS.has(key),
  )
  for (const key of keys.toSorted(compareText)) {
    const name = key.slice(PREFIX.length + 1)
    const text = service.metadata.annotations[key] ?? ''
    if (!isKnown(name)) {
      const known = [...Object.keys(READERS), ...[...OTHER_KEYS].map((other) => other.slice(PREFIX.length + 1))]
      const what = `has the annotation ${key}, which does not exist${didYouMean(name, known)}`
      complain('AnnotationUnknown', what, 'Correct or remove it')
      continue
    }
    const texts = splitText(name, text, service.spec.ports)
    if (typeof texts === 'string')
      complain('AnnotationInvalid', `has ${key}: "${shorten(text)}": ${texts}`, `Set it to ${READERS[name].form}`)
    else own.set(name, texts)
  }
  return own
}

function isKnown(name: string): name is AnnotationName {
  return Object.hasOwn(READERS, name)
}

function defaultText(defaults: Defaults, name: AnnotationName): string | undefined {
  return Object.hasOwn(defaults, name) ? defaults[name] : undefined
}

/** `off` undoes a default, and so reads as undefined, even where it could be a name. */
function readText<N extends AnnotationName>(name: N, text: string | undefined): AnnotationValue<N> | undefined {
  return text === undefined || text === 'off' ? undefined : READERS[name].read(text)
}

type Lookups = Omit<Settings, 'plain' | 'ports' | 'problems'>

function lookups(own: ReadonlyMap<AnnotationName, Texts>, defaults: Defaults): Lookups {
  const ownText = (name: AnnotationName, port: ServicePort) => {
    const texts = own.get(name)
    return texts && (texts.get(portKey(port)) ?? texts.get(''))
  }
  const standingText = (name: AnnotationName, port: ServicePort) => {
    const text = defaultText(defaults, name)
    return text === 'off' || port.protocol === 'TCP' || !TCP_DEFAULTS.has(name) ? text : undefined
  }
  const forPort = <N extends AnnotationName>(name: N, port: ServicePort) =>
    readText(name, ownText(name, port) ?? standingText(name, port))
  return {
    whole: (name) => readText(name, own.get(name)?.get('') ?? defaultText(defaults, name)),
    forPort,
    asked: (name, port) =>
      own.get(name)?.has('') === true || (port !== undefined && own.get(name)?.has(portKey(port)) === true),
    said: (name, port) => (ownText(name, port) ?? standingText(name, port)) !== undefined,
    hostsFor: (port) => (port.protocol === 'TCP' ? (forPort('hosts', port)?.toSorted(compareText) ?? ALL) : ALL),
  }
}

function readPorts(service: ServiceObject, complain: Complain): PortMapping | undefined {
  const text = service.metadata.annotations[PORTS_ANNOTATION]
  if (text === undefined) return undefined
  if (service.spec.type === 'LoadBalancer') {
    const what = `is of type LoadBalancer and has ${PORTS_ANNOTATION}, though its clients read spec.ports`
    complain('AnnotationInvalid', what, `Remove ${PORTS_ANNOTATION} and set spec.ports`)
    return undefined
  }
  const mapping = readPortMapping(text, service.spec.ports)
  if (typeof mapping !== 'string') return mapping
  const what = `has ${PORTS_ANNOTATION}: "${shorten(text)}": ${mapping}`
  complain('AnnotationInvalid', what, 'Write it like https=443,smtp=25, each port once on either side')
  return undefined
}
