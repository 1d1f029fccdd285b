import { type Abilities, type Capabilities, protocolsOf } from '../model/driver.ts'
import type { Problem } from '../model/problems.ts'
import { columns, countOf, type Line, line, paragraphs, type Tone } from './lines.ts'
import { poolUses } from './pools.ts'
import { gatherTroubles, type Trouble } from './problems.ts'
import { API_VERSION, endpointOf, isAsked, type ProxySurvey, type Survey } from './survey.ts'

/** What one look at one thing has found. */
export interface Finding {
  /** `configuration`, `permissions`, `proxies`, `services`, `pools`, `targets`, `node ports` */
  readonly check: string
  readonly state: 'ok' | 'note' | 'fail' | 'skipped'
  readonly about: string
  /** A sentence without a final stop. */
  readonly message: string
  /** Undefined: nothing is to be done. */
  readonly remedy: string | undefined
  /** As on Events and conditions. */
  readonly code: string | undefined
}

/** `fairway doctor`, for programs. */
export interface DoctorReport {
  readonly apiVersion: typeof API_VERSION
  readonly kind: 'Diagnosis'
  /** Whether nothing fails. */
  readonly healthy: boolean
  readonly findings: readonly Finding[]
}

const ORDER = { fail: 0, note: 1, skipped: 2, ok: 3 } as const
const TONES: Readonly<Record<Finding['state'], Tone>> = { fail: 'bad', note: 'warn', skipped: 'faint', ok: 'good' }

/** What fails first, each kind in the order of the checks. */
export function reportDoctor(findings: readonly Finding[]): DoctorReport {
  return {
    apiVersion: API_VERSION,
    kind: 'Diagnosis',
    healthy: findings.every(({ state }) => state !== 'fail'),
    findings: findings.toSorted((a, b) => ORDER[a.state] - ORDER[b.state]),
  }
}

/** What is well, or worth a word. */
export function finding(
  check: string,
  state: 'ok' | 'note' | 'skipped',
  about: string,
  message: string,
  remedy?: string,
): Finding {
  return { check, state, about, message, remedy, code: undefined }
}

/** What is wrong. */
export function failing(
  check: string,
  about: string,
  { code, message, remedy }: Omit<Trouble, 'about' | 'kind'>,
): Finding {
  return { check, state: 'fail', about, message, remedy, code }
}

/** What the machine that a Caddy runs on tells of itself, by the proxy's URL; undefined: nothing is amiss. Other machines are not in it. */
export type Machines = ReadonlyMap<string, Problem | undefined>

/** What was asked beside the survey. */
export interface Asked {
  readonly machines: Machines
  /** What keeps a proxy that answers from serving anything, by its URL. */
  readonly lacking: ReadonlyMap<string, Problem>
}

const NOTHING: Asked = { machines: new Map(), lacking: new Map() }

/** What a survey tells about proxies, pools and Services. */
export function examine(survey: Survey, asked = NOTHING): readonly Finding[] {
  return [...examineProxies(survey, asked), ...examinePools(survey), ...examineServices(survey)]
}

/** Reloads of Caddy close a listener and open it anew. */
const MIGRATE_HINT = 'when Caddy changes a listener, connections that it has not accepted yet may be reset'
const MIGRATE_REMEDY = 'Set net.ipv4.tcp_migrate_req=1 on its machine, as deploy/caddy/99-fairway.conf does'

function examineProxies({ classes }: Survey, { machines, lacking }: Asked): readonly Finding[] {
  const all = classes.flatMap(({ spec, proxies }) => proxies.map((proxy) => ({ proxy, className: spec.name })))
  const caddies = new Map(all.filter(({ proxy }) => proxy.kind === 'caddy').map(({ proxy }) => [proxy.url, proxy]))
  return [
    ...all.map(({ proxy, className }) => examineProxy(proxy, className, lacking.get(proxy.url))),
    ...all.flatMap(({ proxy: { name, heldBack } }) =>
      heldBack === undefined ? [] : failing('proxies', `proxy ${name}`, heldBack),
    ),
    ...[...caddies].map(([url, { name }]) => examineCaddyMachine(`proxy ${name}`, url, machines)),
  ]
}

function examineCaddyMachine(about: string, url: string, machines: Machines): Finding {
  if (!machines.has(url)) return finding('proxies', 'note', about, MIGRATE_HINT, MIGRATE_REMEDY)
  const problem = machines.get(url)
  return problem === undefined
    ? finding('proxies', 'ok', about, 'its machine hands waiting connections on when Caddy changes a listener')
    : finding('proxies', 'note', about, problem.message, problem.remedy)
}

function examineProxy(proxy: ProxySurvey, className: string, lack: Problem | undefined): Finding {
  const { name, observed, problem } = proxy
  const about = `proxy ${name}`
  if (!isAsked(proxy)) return finding('proxies', 'skipped', about, 'it was not asked')
  const trouble = problem ?? observed?.trouble ?? lack
  if (trouble !== undefined) return failing('proxies', about, trouble)
  const can = observed === undefined ? '' : `: ${sayCapabilities(observed.capabilities)}`
  return finding('proxies', 'ok', about, `class ${className} reaches it at ${endpointOf(proxy)}${can}`)
}

function sayCapabilities(can: Capabilities): string {
  return protocolsOf(can)
    .map((protocol) => `${protocol} ${sayAbilities(can[protocol])}`.trim())
    .join('; ')
}

function sayAbilities(can: Abilities | undefined): string {
  if (can === undefined) return ''
  const has: readonly (readonly [string, boolean])[] = [
    ['TLS names', can.hosts],
    ['draining', can.drain],
    ['connection limits', can.maxConnections],
    ['idle timeouts', can.idleTimeout],
  ]
  const versions = can.proxyProtocol.filter((one) => one !== 'off')
  const all = [
    ...(versions.length === 0 ? [] : [`PROXY ${versions.join(' and ')}`]),
    ...(can.healthCheck.length === 0 ? [] : [`checks by ${can.healthCheck.join(' and ')}`]),
    ...has.flatMap(([what, does]) => (does ? what : [])),
  ]
  return all.length === 0 ? '' : `with ${all.join(', ')}`
}

function examinePools({ classes }: Survey): readonly Finding[] {
  return classes.flatMap((one) =>
    poolUses(one).map(({ name, free, used, total }) => {
      const about = `pool ${name} of class ${one.spec.name}`
      if (free !== '0') return finding('pools', 'ok', about, `${used} of ${total} addresses are given`)
      const all = total === '1' ? 'its only address is' : `all ${total} addresses are`
      const message = `${all} given; Services share them as far as their ports allow`
      return finding('pools', 'note', about, message, 'Add addresses to the pool before a port is wanted once more')
    }),
  )
}

function examineServices(survey: Survey): readonly Finding[] {
  const troubles = gatherTroubles(survey).filter(({ about }) => !about.startsWith('proxy '))
  const served = survey.classes.reduce((sum, { desired }) => sum + desired.placements.length, 0)
  if (troubles.length === 0) return [finding('services', 'ok', countOf(served, 'Service'), 'none has a problem')]
  return troubles.map((one) => failing('services', one.about, one))
}

/** The report for people. */
export function doctorLines({ findings, healthy }: DoctorReport): readonly Line[] {
  const loud = findings.filter(({ state }) => state === 'fail' || state === 'note')
  const quiet = findings.filter(({ state }) => state === 'ok' || state === 'skipped')
  const failed = findings.filter(({ state }) => state === 'fail').length
  return paragraphs(
    ...loud.map(({ state, check, about, message, remedy, code }) => [
      line(`${state === 'fail' ? '✗' : '!'} ${check}: ${about}${code === undefined ? '' : `: ${code}`}`, TONES[state]),
      ...message.split('\n').map((text) => line(`  ${text}`)),
      ...(remedy === undefined ? [] : [line(`  → ${remedy}`)]),
    ]),
    columns(
      ['', 'CHECK', 'ABOUT', 'FOUND'],
      quiet.map(({ state, check, about, message }) => ({
        cells: [state === 'ok' ? '✓' : '-', check, about, message],
        tone: state === 'ok' ? 'plain' : 'faint',
      })),
    ),
    [healthy ? line('Nothing fails.', 'good') : line(`${countOf(failed, 'check')} failed.`, 'bad')],
  )
}
