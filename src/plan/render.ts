import { CHECK_DEFAULTS } from '../model/checks.ts'
import type { Change, Plan } from '../model/driver.ts'
import { type Frontend, type HealthCheck, serviceName, type Table, type Target } from '../model/table.ts'

/** Above this many, targets are counted and not named. */
const MOST_TARGETS = 4

/**
 * A plan for people, in lines: what comes (`+`), changes (`~`), goes (`-`), and stays as it is though the table lacks it (`=`), each frontend with
 * its Service where that is known. The first line counts; of the others there are `most`, and one that says how many were left out.
 */
export function renderPlan(plan: Plan, proxy: string, most = Number.POSITIVE_INFINITY): readonly string[] {
  const { changes, strays, keep } = plan
  const count = (kind: Change['kind']) => changes.filter((change) => change.kind === kind).length
  const kept = keep.size === 0 ? '' : `, ${keep.size} kept`
  const lines = [
    ...strays.map(
      ({ className, key }) =>
        () =>
          `- ${key}  left from class ${className}`,
    ),
    ...changes.map((change) => () => renderChange(change, plan)),
    ...[...keep].map((key) => () => `= ${key}`),
  ]
  return [
    `${proxy}: ${count('add')} to add, ${count('update')} to change, ${count('remove') + strays.length} to remove${kept}`,
    ...lines.slice(0, most).map((render) => render()),
    ...(lines.length > most ? [`… and ${lines.length - most} more`] : []),
  ]
}

function renderChange(change: Change, { observed, table }: Plan): string {
  switch (change.kind) {
    case 'add': {
      const { key, after } = change
      return `+ ${key}  ${nameOf(after)} → ${[sayTargets(after, table), ...saySettings(after)].join(', ')}`
    }
    case 'update': {
      const { key, before, after } = change
      const all = [...compareSettings(before, after), ...compareTargets(before, observed.table, after, table)]
      return `~ ${key}  ${nameOf(after)} ${all.join('; ') || 'was edited by hand'}`
    }
    case 'remove':
      return `- ${change.key}`
  }
  return change satisfies never
}

function nameOf({ service }: Frontend): string {
  return service === undefined ? 'the configuration' : serviceName(service)
}

interface Setting {
  readonly name: string
  readonly text: (frontend: Frontend) => string
  /** Goes without saying. */
  readonly usual: string
}

const SETTINGS: readonly Setting[] = [
  { name: 'PROXY', text: ({ proxyProtocol }) => proxyProtocol, usual: 'off' },
  { name: 'balance', text: ({ balance }) => balance, usual: 'round-robin' },
  { name: 'affinity', text: ({ affinityMs }) => sayDuration(affinityMs), usual: 'none' },
  { name: 'check', text: ({ healthCheck }) => sayCheck(healthCheck), usual: 'none' },
  { name: 'idle timeout', text: ({ idleTimeoutMs }) => sayDuration(idleTimeoutMs), usual: 'none' },
  { name: 'connections', text: ({ maxConnections }) => String(maxConnections ?? 'any'), usual: 'any' },
  { name: 'from', text: ({ sourceRanges }) => sourceRanges.join(' ') || 'everywhere', usual: 'everywhere' },
]

/** What of a frontend is not as usual: `PROXY v2`, `balance source`. */
export function saySettings(frontend: Frontend): readonly string[] {
  return SETTINGS.flatMap(({ name, text, usual }) => {
    const said = text(frontend)
    return said === usual ? [] : `${name} ${said}`
  })
}

function compareSettings(before: Frontend, after: Frontend): readonly string[] {
  return SETTINGS.flatMap(({ name, text }) => {
    const [was, is] = [text(before), text(after)]
    return was === is ? [] : `${name} ${was} → ${is}`
  })
}

function sayDuration(ms: number | undefined): string {
  return ms === undefined ? 'none' : `${ms / 1_000}s`
}

function sayCheck(check: HealthCheck | undefined): string {
  if (check === undefined) return 'none'
  const { kind, port, intervalMs, timeoutMs, rise, fall } = check
  return [
    kind,
    ...(port === undefined ? [] : [`:${port}`]),
    ...(intervalMs === CHECK_DEFAULTS.intervalMs ? [] : [`every ${sayDuration(intervalMs)}`]),
    ...(timeoutMs === CHECK_DEFAULTS.timeoutMs ? [] : [`timeout ${sayDuration(timeoutMs)}`]),
    ...(rise === CHECK_DEFAULTS.rise ? [] : [`rise ${rise}`]),
    ...(fall === CHECK_DEFAULTS.fall ? [] : [`fall ${fall}`]),
  ].join(' ')
}

function targetsOf({ group }: Frontend, table: Table): readonly Target[] {
  return table.groups.find(({ id }) => id === group)?.targets ?? []
}

function sayTargets(frontend: Frontend, table: Table): string {
  const targets = targetsOf(frontend, table)
  if (targets.length === 0) return 'no targets'
  const port = targets.some((target) => target.port !== undefined) ? '' : ` :${frontend.targetPort}`
  const draining = targets.filter((target) => target.draining !== undefined).length
  const count = `${targets.length} target${targets.length === 1 ? '' : 's'}${port}`
  return draining === 0 ? count : `${count} (${draining} draining)`
}

/** `targets -10.0.0.3 +10.0.0.4 ~10.0.0.5 drains` */
function compareTargets(before: Frontend, had: Table, after: Frontend, wanted: Table): readonly string[] {
  const [olds, news] = [marksOf(before, had), marksOf(after, wanted)]
  const differing = [
    ...[...olds.keys()].filter((name) => !news.has(name)).map((name) => `-${name}`),
    ...[...news.keys()].filter((name) => !olds.has(name)).map((name) => `+${name}`),
    ...[...news].flatMap(([name, drains]) => {
      const drained = olds.get(name)
      return drained === undefined || drained === drains ? [] : `~${name} ${drains ? 'drains' : 'is back'}`
    }),
  ]
  const port = before.targetPort === after.targetPort ? [] : [`target port ${before.targetPort} → ${after.targetPort}`]
  if (differing.length === 0) return port
  if (differing.length > MOST_TARGETS)
    return [...port, `targets ${olds.size} → ${news.size}, ${differing.length} differ`]
  return [...port, `targets ${differing.join(' ')}`]
}

/** Whether each target drains. One with a port of its own is named with it. */
function marksOf(frontend: Frontend, table: Table): ReadonlyMap<string, boolean> {
  return new Map(
    targetsOf(frontend, table).map(({ address, port, draining }) => [
      port === undefined || port === frontend.targetPort ? address : `${address} :${port}`,
      draining !== undefined,
    ]),
  )
}
