import type { ServicePort } from '../kube/objects.ts'
import { CHECK_DEFAULTS } from '../model/checks.ts'
import { durationText } from '../model/duration.ts'
import type { OldFrontend } from './old.ts'

/** Annotation values by name without prefix. */
export type Texts = Readonly<Record<string, string>>

/** What an old frontend is set to, as texts; what is our default is not said. */
export function settingsOf(old: OldFrontend): Texts {
  const { proxyProtocol, balance, healthCheck, idleTimeoutMs, maxConnections, hosts } = old
  return {
    ...(proxyProtocol === 'off' ? {} : { 'proxy-protocol': proxyProtocol }),
    ...(balance === 'round-robin' ? {} : { balance }),
    ...(healthCheck === undefined ? {} : checkTexts(healthCheck)),
    ...(idleTimeoutMs === undefined ? {} : { 'idle-timeout': durationText(idleTimeoutMs) }),
    ...(maxConnections === undefined ? {} : { 'max-connections': String(maxConnections) }),
    ...(hosts.length === 0 ? {} : { hosts: hosts.join(',') }),
  }
}

/** Between checks, and for an answer: what annotations may say. */
const PACE = { least: 100, most: 3_600_000 }
const MOST_TIMES = 100

function checkTexts({ intervalMs, timeoutMs, rise, fall }: NonNullable<OldFrontend['healthCheck']>): Texts {
  return {
    'health-check': 'tcp',
    ...(intervalMs === CHECK_DEFAULTS.intervalMs ? {} : { 'health-check-interval': pace(intervalMs) }),
    ...(timeoutMs === CHECK_DEFAULTS.timeoutMs ? {} : { 'health-check-timeout': pace(timeoutMs) }),
    ...(rise === CHECK_DEFAULTS.rise ? {} : { 'health-check-rise': times(rise) }),
    ...(fall === CHECK_DEFAULTS.fall ? {} : { 'health-check-fall': times(fall) }),
  }
}

function pace(ms: number): string {
  return durationText(Math.min(Math.max(ms, PACE.least), PACE.most))
}

function times(count: number): string {
  return String(Math.min(Math.max(count, 1), MOST_TIMES))
}

/** A port as annotations name it. */
export function portName({ name, port }: Pick<ServicePort, 'name' | 'port'>): string {
  return name === undefined || name === '' ? String(port) : name
}

/** Joins the settings of a Service's ports: `v2` where all its ports have the same, `https=v2` otherwise. */
export function joinSettings(
  ports: readonly ServicePort[],
  settings: readonly (readonly [port: ServicePort, texts: Texts])[],
): Texts {
  const names = [...new Set(settings.flatMap(([, texts]) => Object.keys(texts)))]
  return Object.fromEntries(
    names.map((name) => {
      const given = settings.flatMap(([port, texts]) =>
        texts[name] === undefined ? [] : [[port, texts[name]] as const],
      )
      const values = new Set(given.map(([, value]) => value))
      if (values.size === 1 && given.length === ports.length) return [name, [...values].join('')]
      return [name, given.flatMap(([port, value]) => partsOf(name, port, value)).join(',')]
    }),
  )
}

/** Each host of a port stands for itself: `https=a.example,https=b.example`. */
function partsOf(name: string, port: ServicePort, value: string): readonly string[] {
  const values = name === 'hosts' ? value.split(',') : [value]
  return values.map((one) => `${portName(port)}=${one}`)
}
