import { serviceName } from '../model/table.ts'
import { columns, countOf, type Line, line, paragraphs } from './lines.ts'
import { createServiceView } from './served.ts'
import { API_VERSION, type Survey } from './survey.ts'

/** `fairway drain`, for programs: what hangs on a proxy. Nothing is written. */
export interface DrainReport {
  readonly apiVersion: typeof API_VERSION
  readonly kind: 'Drain'
  readonly proxy: string
  readonly classes: readonly DrainedClass[]
}

export interface DrainedClass {
  readonly name: string
  /** Whether it is the only proxy of the class. */
  readonly last: boolean
  readonly frontends: number
  /** Pools that only this proxy serves: their addresses go with it. */
  readonly pools: readonly string[]
  readonly services: readonly {
    readonly name: string
    readonly lost: readonly string[]
    readonly stays: readonly string[]
  }[]
}

/** What would be served no more without a proxy; undefined when the configuration has none of that name. */
export function reportDrain({ classes }: Survey, proxy: string): DrainReport | undefined {
  const users = classes.filter(({ proxies }) => proxies.some(({ name }) => name === proxy))
  if (users.length === 0) return undefined
  const drained = users.map((one): DrainedClass => {
    const viewOf = createServiceView(one)
    const services = one.desired.placements.map((placement) => {
      const views = viewOf(placement)
      const here = views.filter((view) => view.proxy.name === proxy).flatMap(({ keys }) => keys)
      const elsewhere = new Set(views.filter((view) => view.proxy.name !== proxy).flatMap(({ keys }) => keys))
      const lost = here.filter((key) => !elsewhere.has(key))
      return { name: serviceName(placement.demand.service.metadata), lost, stays: [...elsewhere], here }
    })
    return {
      name: one.spec.name,
      last: one.proxies.length === 1,
      frontends: services.reduce((sum, { here }) => sum + here.length, 0),
      pools: one.spec.pools
        .filter(({ proxies }) => proxies.length > 0 && proxies.every((name) => name === proxy))
        .map(({ name }) => name),
      services: services.flatMap(({ name, lost, stays }) => (lost.length === 0 ? [] : [{ name, lost, stays }])),
    }
  })
  return { apiVersion: API_VERSION, kind: 'Drain', proxy, classes: drained }
}

/** The report for people. */
export function drainLines({ proxy, classes }: DrainReport): readonly Line[] {
  const safe = classes.every(({ services }) => services.length === 0)
  return paragraphs(
    ...classes.map((one) => classLines(one)),
    [
      line(`To take ${proxy} out:`, 'title'),
      line('  1. Lead clients away from it: by VRRP, BGP or DNS, and wait for their connections to end.'),
      line(`  2. Remove ${proxy} from classes[].proxies of fairway.yaml${poolsText(classes)}.`),
      line('     The operator then removes what is ours from it, and nothing else; until then it serves on.'),
      line('  Nothing was changed by this command.', 'faint'),
    ],
    [
      safe
        ? line('All that it serves is served by others too.', 'good')
        : line('Some of it is served by nobody else.', 'bad'),
    ],
  )
}

function classLines({ name, last, frontends, services }: DrainedClass): readonly Line[] {
  const alone = last ? ', which has no other proxy' : ''
  const rows = services.map((one) => ({
    cells: [one.name, one.lost.join(' '), one.stays.join(' ') || '-'],
    tone: one.stays.length === 0 ? ('bad' as const) : ('warn' as const),
  }))
  return [
    line(`Class ${name}${alone}: ${countOf(frontends, 'frontend')} of Services there`, 'title'),
    ...columns(['SERVICE', 'LOSES', 'KEEPS ELSEWHERE'], rows, '  '),
  ]
}

function poolsText(classes: readonly DrainedClass[]): string {
  const pools = classes.flatMap((one) => one.pools)
  return pools.length === 0 ? '' : `, and from pools[].proxies (${pools.join(', ')})`
}
