import { renderServer } from '../caddy/render.ts'
import type { Config, ProxyConfig } from '../config/schema.ts'
import { resolveTable } from '../drivers/common/wanted.ts'
import { serverKey } from '../model/server-names.ts'
import { compareText, type Owner, type Table, withoutFrontends } from '../model/table.ts'
import type { Line } from '../report/lines.ts'
import { line } from '../report/lines.ts'
import type { ProxySurvey, Survey } from '../report/survey.ts'
import { invalid } from './settings.ts'

export interface Rendered {
  readonly document: object
  readonly lines: readonly Line[]
}

/** The part of a proxy's configuration that is ours, as it shall be: for Caddy its servers, for others the table that they are given. */
export function renderProxy(
  survey: Survey,
  config: Config,
  uid: string,
  name: string | undefined,
  className: string | undefined,
): Rendered {
  const { view, proxy, owner } = findProxy(survey, config, uid, name, className)
  if (view.problem !== undefined) throw invalid(view.problem.message, view.problem.remedy)
  const planned = view.plan?.table ?? view.observed?.table ?? { frontends: [], groups: [] }
  const table = withoutFrontends(planned, new Set(view.refused.keys()))
  const document = proxy.access.kind === 'caddy' ? caddyConfiguration(table, owner, proxy) : { owner, table }
  return {
    document,
    lines: JSON.stringify(document, undefined, 2)
      .split('\n')
      .map((text) => line(text)),
  }
}

interface Found {
  readonly view: ProxySurvey
  readonly proxy: ProxyConfig
  readonly owner: Owner
}

function findProxy(
  survey: Survey,
  config: Config,
  uid: string,
  name: string | undefined,
  className: string | undefined,
): Found {
  const all = config.classes.flatMap((one, index) =>
    one.proxies.flatMap((proxy): Found[] => {
      const view = survey.classes[index]?.proxies.find((other) => other.name === proxy.name)
      const owner = { cluster: config.cluster, className: one.name, uid }
      return view === undefined ? [] : [{ view, proxy, owner }]
    }),
  )
  const found = all.filter(
    ({ proxy, owner }) => (name ?? proxy.name) === proxy.name && (className ?? owner.className) === owner.className,
  )
  const [first, ...others] = found
  const names = all.map(({ proxy, owner }) => `${owner.className}/${proxy.name}`).join(', ')
  if (first === undefined) throw invalid('There is no such proxy', `Name one by --class and --proxy: ${names}`)
  if (others.length > 0) throw invalid('There are several proxies', `Name one by --class and --proxy: ${names}`)
  return first
}

function caddyConfiguration(table: Table, owner: Owner, { listen }: ProxyConfig): object {
  const sockets = Map.groupBy(resolveTable(listen, table), ({ frontend }) => serverKey(owner, frontend))
  const servers = [...sockets].flatMap(([key, all]) => {
    const [first, ...more] = all.toSorted((a, b) => compareText(a.key, b.key))
    return first === undefined ? [] : [[key, renderServer({ owner, listen }, [first, ...more])] as const]
  })
  return { apps: { layer4: { servers: Object.fromEntries(servers) } } }
}
