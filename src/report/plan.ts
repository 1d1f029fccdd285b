import type { Problem } from '../model/problems.ts'
import { serviceName } from '../model/table.ts'
import { renderPlan } from '../plan/render.ts'
import { countOf, type Line, line, paragraphs } from './lines.ts'
import { gatherTroubles, type Trouble, troubleLines } from './problems.ts'
import { type ServiceChange, serviceChanges } from './service-changes.ts'
import { API_VERSION, type ClassSurvey, endpointOf, type ProxySurvey, type Survey } from './survey.ts'

/** `fairway plan`, for programs. */
export interface PlanReport {
  readonly apiVersion: typeof API_VERSION
  readonly kind: 'Plan'
  readonly cluster: string
  /** Whether anything would be written: to a proxy, or to a Service. */
  readonly changes: boolean
  /** Whether something could not be read, so that there may be more. */
  readonly incomplete: boolean
  readonly notes: readonly string[]
  readonly problems: readonly Trouble[]
  readonly proxies: readonly ProxyPlan[]
  readonly services: readonly (ServiceChange & { readonly class: string })[]
}

export interface ProxyPlan {
  readonly name: string
  readonly class: string
  readonly endpoint: string
  readonly revision: string | undefined
  /** Why nothing is known of it. */
  readonly problem: Problem | undefined
  readonly actions: readonly Action[]
}

export interface Action {
  readonly action: 'add' | 'change' | 'remove' | 'keep' | 'refuse'
  /** `tcp/203.0.113.10:443` */
  readonly frontend: string
  /** `namespace/name`; undefined: the configuration's own, or nobody knows any more. */
  readonly service: string | undefined
  /** For people. */
  readonly text: string
}

const MARKS = { add: '+', change: '~', remove: '-', keep: '=', refuse: '!' } as const
const TONES = { add: 'good', change: 'warn', remove: 'bad', keep: 'faint', refuse: 'bad' } as const

/** What the next pass of the operator would do. */
export function reportPlan(survey: Survey): PlanReport {
  const { cluster, classes, notes } = survey
  const proxies = classes.flatMap((one) => one.proxies.map((proxy) => planOf(proxy, one)))
  const services = classes.flatMap((one) => serviceChanges(one).map((change) => ({ ...change, class: one.spec.name })))
  return {
    apiVersion: API_VERSION,
    kind: 'Plan',
    cluster,
    changes: services.length > 0 || proxies.some(({ actions }) => actions.some(isChange)),
    incomplete: proxies.some(({ problem }) => problem !== undefined),
    notes,
    problems: gatherTroubles(survey),
    proxies,
    services,
  }
}

function isChange({ action }: Action): boolean {
  return action === 'add' || action === 'change' || action === 'remove'
}

function planOf(proxy: ProxySurvey, { spec }: ClassSurvey): ProxyPlan {
  const { name, observed, problem } = proxy
  const common = { name, class: spec.name, endpoint: endpointOf(proxy), problem }
  return { ...common, revision: observed?.revision, actions: actionsOf(proxy) }
}

function actionsOf({ plan, name, refused }: ProxySurvey): readonly Action[] {
  if (plan === undefined) return []
  const { strays, changes, keep } = plan
  // The lines come in this order, after one that counts.
  const [, ...lines] = renderPlan(plan, name)
  const facts: readonly Pick<Action, 'action' | 'frontend' | 'service'>[] = [
    ...strays.map(({ key }) => ({ action: 'remove' as const, frontend: key, service: undefined })),
    ...changes.map((change) => {
      const owner = change.kind === 'remove' ? change.before?.service : change.after.service
      const action = change.kind === 'update' ? ('change' as const) : change.kind
      return { action, frontend: change.key, service: owner && serviceName(owner) }
    }),
    ...[...keep].map((key) => ({ action: 'keep' as const, frontend: key, service: undefined })),
  ]
  return facts.map((fact, at) => {
    const text = (lines[at] ?? '').slice(2)
    const problem = fact.action === 'remove' ? undefined : refused.get(fact.frontend)
    return problem === undefined || fact.action === 'keep'
      ? { ...fact, text }
      : { ...fact, action: 'refuse' as const, text: `${fact.frontend}  ${problem.code}` }
  })
}

/** The report for people: problems first, then each proxy, then each Service. */
export function planLines(report: PlanReport): readonly Line[] {
  const { problems, proxies, services, notes } = report
  return paragraphs(
    troubleLines(problems),
    ...proxies.map(proxyLines),
    services.length === 0
      ? []
      : [line('Services', 'title'), ...services.flatMap(({ service, changes }) => changeLines(service, changes))],
    notes.map((note) => line(`Note: ${note}.`, 'faint')),
    [line(summaryOf(report), report.changes ? 'warn' : 'good')],
  )
}

function proxyLines({ name, class: className, endpoint, problem, actions }: ProxyPlan): readonly Line[] {
  const title = line(`Proxy ${name} of class ${className} (${endpoint})`, 'title')
  if (problem !== undefined) return [title, line(`  unknown: ${problem.message}`, 'bad')]
  if (actions.length === 0) return [title, line('  nothing to do', 'faint')]
  return [title, ...actions.map(({ action, text }) => line(`  ${MARKS[action]} ${text}`, TONES[action]))]
}

function changeLines(service: string, changes: readonly string[]): readonly Line[] {
  return [line(`  ~ ${service}`, 'warn'), ...changes.map((text) => line(`      ${text}`))]
}

function summaryOf({ proxies, services, changes, incomplete }: PlanReport): string {
  const all = proxies.flatMap(({ actions }) => actions)
  const count = (action: Action['action']) => all.filter((one) => one.action === action).length
  const missing = incomplete ? ' Not all proxies could be read: there may be more.' : ''
  if (!changes) return `Nothing to do.${missing}`
  const frontends = `${count('add')} to add, ${count('change')} to change, ${count('remove')} to remove`
  return `Frontends: ${frontends}. ${countOf(services.length, 'Service')} to write.${missing}`
}

/** For scripts: 0 nothing to do, 2 changes, 1 not all is known. */
export function planExit({ changes, incomplete }: PlanReport): number {
  if (incomplete) return 1
  return changes ? 2 : 0
}
