import { hostPort } from '../model/address.ts'
import { type Frontend, type FrontendKey, frontendKey } from '../model/table.ts'
import { type Finding, failing, finding } from './doctor.ts'
import { countOf } from './lines.ts'
import type { Survey } from './survey.ts'

/** How the program of a proxy sees one target of one frontend. */
export interface Sighting {
  readonly proxy: string
  readonly className: string
  readonly key: FrontendKey
  readonly address: string
  readonly port: number
  readonly state: 'up' | 'down' | 'draining' | 'unchecked'
}

/** What the proxies' own checks say of each node, or pod: this is the proxy's way there, and no other. What is not checked is not judged. */
export function judgeTargets({ classes }: Survey, sightings: readonly Sighting[]): readonly Finding[] {
  const checked = sightings.filter(({ state }) => state === 'up' || state === 'down')
  const names = new Map(
    classes.flatMap(({ desired }) =>
      desired.table.groups.flatMap(({ targets }) => targets.map(({ address, name }) => [address, name] as const)),
    ),
  )
  const frontends = new Map(
    classes.flatMap(({ desired, spec }) =>
      desired.table.frontends.map((one) => [`${spec.name} ${frontendKey(one)}`, one] as const),
    ),
  )
  const byProxy = Map.groupBy(checked, ({ proxy }) => proxy)
  return [...byProxy].flatMap(([proxy, all]) => {
    const byAddress = Map.groupBy(all, ({ address }) => address)
    const bad = [...byAddress].flatMap(([address, seen]) => judgeTarget(names.get(address), seen, frontends))
    if (bad.length > 0) return bad
    return [finding('targets', 'ok', `proxy ${proxy}`, `finds ${countOf(byAddress.size, 'target')} up`)]
  })
}

function judgeTarget(
  name: string | undefined,
  seen: readonly Sighting[],
  frontends: ReadonlyMap<string, Frontend>,
): readonly Finding[] {
  const down = seen.filter(({ state }) => state === 'down')
  const [first] = down
  if (first === undefined) return []
  const { proxy, className, key, address, port } = first
  const about = name === undefined || name === '' ? address : `${name} (${address})`
  const check = frontends.get(`${className} ${key}`)?.healthCheck
  const asked = hostPort(address, check?.port ?? port)
  const isHttp = check?.kind === 'http'
  const how = isHttp ? `http://${asked}/healthz does not answer 200` : `connections to ${asked} fail`
  const message = `proxy ${proxy} finds it down for ${down.length} of ${countOf(seen.length, 'frontend')}, such as ${key}: ${how} from there`
  const remedy = isHttp
    ? `On the proxy, run curl -m 3 http://${asked}/healthz: open that port in firewalls on the way if there is no answer, and look at kube-proxy and the pods of the node if there is one`
    : `On the proxy, run nc -zvw 3 ${asked.replace(/:(\d+)$/, ' $1')}: open that port in firewalls on the way, or look at kube-proxy and the pods of the node`
  if (down.length < seen.length) return [finding('targets', 'note', about, message, remedy)]
  return [failing('targets', about, { code: 'NoTargets', message, remedy })]
}
