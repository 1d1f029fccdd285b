import { frontendAddresses, hasPool } from '../config/addresses.ts'
import { forbiddenTargets } from '../config/forbidden.ts'
import type { ClassConfig, Config, FrontendConfig, ProxyConfig } from '../config/schema.ts'
import type { ClassRule } from '../desired/select.ts'
import type { ClassSpec, FixedFrontend } from '../desired/spec.ts'
import { inRange } from '../model/address.ts'
import type { Driver } from '../model/driver.ts'
import type { Owner } from '../model/table.ts'
import { checkClassDefaults } from './class-defaults.ts'
import { createEvidence } from './evidence.ts'
import type { Proxy, RunningClass } from './interfaces.ts'

/** What a driver is made of; src/drivers has the makers. */
export interface DriverRequest {
  readonly proxy: ProxyConfig
  readonly owner: Owner
  readonly declares: (publishedAddress: string) => boolean
  /** Whether another proxy of the class binds the same addresses, so that dialling one says nothing about the other. */
  readonly sharesAddresses: boolean
}

export type MakeDriver = (request: DriverRequest) => Driver

/** Makes the classes of a configuration run. Throws ConfigInvalid for what only the running parts can know. `uid`: of kube-system. */
export function startClasses(config: Config, uid: string, makeDriver: MakeDriver): readonly RunningClass[] {
  const rules = config.classes.map(ruleOf)
  const forbidden = forbiddenTargets(config)
  const evidence = createEvidence(new Map(config.classes.map((one) => [one.name, one.proxies.map(({ name }) => name)])))
  return config.classes.map((one, index) => {
    const owner = { cluster: config.cluster, className: one.name, uid }
    const proxies = one.proxies.map((proxy) => ({
      ...identify(proxy, config),
      driver: makeDriver({ proxy, owner, ...addressesAt(proxy, one) }),
    }))
    checkClassDefaults(one, proxies)
    return {
      spec: specOf(one, forbidden),
      standing: one.default,
      proxies,
      rules,
      speaksForStrays: index === 0,
      guard: config.guard,
      evidence,
      cleanupPatienceMs: config.cleanupPatience,
    }
  })
}

/** What the desired state of a class depends on, from its configuration. */
function specOf(one: ClassConfig, forbidden: ClassSpec['forbidden']): ClassSpec {
  return {
    name: one.name,
    pools: one.pools,
    evict: one.evict,
    rules: {
      deniedPorts: new Set(one.ports.deny),
      reservedPorts: one.ports.reserve,
      reservedHosts: one.hosts,
      quota: one.namespaces.quota,
    },
    defaults: one.defaults,
    addressTypes: one.nodes.addressTypes,
    nodeSelector: one.nodes.selector,
    maxTargets: one.nodes.maxTargets,
    podRanges: one.pods.cidrs,
    forbidden,
    fixed: one.frontends.map((frontend) => fixedFrontend(frontend, one)),
  }
}

function fixedFrontend(frontend: FrontendConfig, { pools }: ClassConfig): FixedFrontend {
  const { name, port, protocol, targetPort, targets, sourceRanges, settings } = frontend
  const addresses = frontendAddresses(frontend, pools)
  return { name, addresses, port, protocol, targetPort, targets, sourceRanges, settings }
}

/** Which published addresses a proxy of a class has, and whether another proxy has them as well. */
function addressesAt(proxy: ProxyConfig, one: ClassConfig): Pick<DriverRequest, 'declares' | 'sharesAddresses'> {
  const pools = one.pools.filter((pool) => hasPool(proxy.name, pool))
  const others = one.proxies.filter(({ name }) => name !== proxy.name)
  return {
    declares: (address) =>
      pools.some((pool) => pool.addresses.some((range) => inRange(range, address))) ||
      one.proxies.some(({ listen }) => Object.hasOwn(listen, address)),
    sharesAddresses: pools.some((pool) => others.some(({ name }) => hasPool(name, pool))),
  }
}

/** A proxy of the same name, or reached alike, is taken for the same one: rather once too often, since a class clears a proxy of what strangers left. */
function identify(proxy: ProxyConfig, config: Config): Pick<Proxy, 'name' | 'endpoint' | 'usedBy'> {
  const endpoint = endpointOf(proxy)
  const isSame = (other: ProxyConfig) => other.name === proxy.name || endpointOf(other) === endpoint
  const users = config.classes.filter(({ proxies }) => proxies.some(isSame))
  return { name: proxy.name, endpoint, usedBy: new Set(users.map(({ name }) => name)) }
}

function endpointOf({ access }: ProxyConfig): string {
  return `${access.kind} ${new URL(access.url).href}`
}

function ruleOf(one: ClassConfig): ClassRule {
  return { name: one.name, default: one.default, aliases: one.loadBalancerClass, namespaces: one.namespaces.allow }
}
