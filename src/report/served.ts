import type { Placement } from '../desired/build-service.ts'
import { type FrontendKey, frontendKey } from '../model/table.ts'
import { createSites, type Sites } from '../operator/sites.ts'
import { type ClassSurvey, isAsked, type ProxySurvey } from './survey.ts'

/** What a proxy does with some frontends at this moment. */
export type Serving =
  | 'yes'
  /** All of it, but not as it is wanted now. */
  | 'outdated'
  | 'in part'
  | 'no'
  /** It could not be asked. */
  | 'unknown'
  | 'not asked'

/** Keeps what a proxy has at hand. */
export function createServing(proxy: ProxySurvey): (keys: readonly FrontendKey[]) => Serving {
  if (!isAsked(proxy)) return () => 'not asked'
  const { observed, plan } = proxy
  if (observed === undefined) return () => 'unknown'
  if (observed.trouble !== undefined) return () => 'unknown'
  const denied = new Set(observed.refused.map(({ key }) => key))
  const has = new Set(observed.table.frontends.map(frontendKey).filter((key) => !denied.has(key)))
  const stale = new Set(plan?.changes.map(({ key }) => key))
  return (keys) => {
    const served = keys.filter((key) => has.has(key) || observed.drifted.has(key))
    if (served.length === 0) return 'no'
    if (served.length < keys.length) return 'in part'
    return keys.some((key) => stale.has(key)) ? 'outdated' : 'yes'
  }
}

/** The frontends of a Service that one proxy shall have; none where no pool sends it there. */
export function keysAt({ addresses, ports }: Placement, proxy: string, sites: Sites): readonly FrontendKey[] {
  return addresses
    .filter((address) => sites(proxy, address))
    .flatMap((address) => ports.map((port) => frontendKey({ address, ...port })))
}

/** How a Service fares on the proxies of its class that shall serve it. */
export interface ProxyServing {
  readonly proxy: ProxySurvey
  readonly keys: readonly FrontendKey[]
  readonly serving: Serving
}

/** Makes the function that looks at one Service after the other. */
export function createServiceView({ proxies, spec }: ClassSurvey): (placement: Placement) => readonly ProxyServing[] {
  const sites = createSites(spec.pools)
  const views = proxies.map((proxy) => ({ proxy, servingOf: createServing(proxy) }))
  return (placement) =>
    views.flatMap(({ proxy, servingOf }) => {
      const keys = keysAt(placement, proxy.name, sites)
      return keys.length === 0 ? [] : [{ proxy, keys, serving: servingOf(keys) }]
    })
}
