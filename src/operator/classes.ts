import type { ClassConfig, Config, ProxyConfig } from '../config/schema.ts'
import { checkDefaults, readDefault } from '../desired/annotations.ts'
import { parseSelector } from '../desired/label-selector.ts'
import type { ClassRule } from '../desired/select.ts'
import { canonicalAddress, inRange } from '../model/address.ts'
import type { Driver } from '../model/driver.ts'
import { FairwayError } from '../model/problems.ts'
import type { Frontend, Owner } from '../model/table.ts'
import { findLack } from '../plan/capabilities.ts'
import { createEvidence } from './evidence.ts'
import type { RunningClass } from './interfaces.ts'

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
  return config.classes.map((one, index) => {
    checkClass(one)
    const declares = (address: string) =>
      one.pools.some((pool) => pool.addresses.some((range) => inRange(range, address))) ||
      one.proxies.some((proxy) => Object.hasOwn(proxy.listen, address))
    const owner = { cluster: config.cluster, className: one.name, uid }
    const proxies = one.proxies.map((proxy) => ({
      name: proxy.name,
      driver: makeDriver({ proxy, owner, declares, sharesAddresses: one.proxies.length > 1 }),
    }))
    checkCapabilities(one, proxies)
    return {
      spec: {
        name: one.name,
        pools: one.pools,
        deniedPorts: new Set(one.ports.deny),
        defaults: one.defaults,
        addressTypes: one.nodes.addressTypes,
        nodeSelector: one.nodes.selector,
        forbidden,
      },
      standing: one.default,
      proxies,
      rules,
      speaksForStrays: index === 0,
      guard: config.guard,
      evidence: createEvidence(proxies.map(({ name }) => name)),
      cleanupPatienceMs: config.cleanupPatience,
    }
  })
}

function ruleOf(one: ClassConfig): ClassRule {
  return { name: one.name, default: one.default, aliases: one.loadBalancerClass, namespaces: one.namespaces.allow }
}

/** Nothing of ours may be a target: the pools' addresses, and those of the proxies' admin APIs and sockets. */
function forbiddenTargets(config: Config): (address: string) => boolean {
  const ranges = config.classes.flatMap(({ pools }) => pools.flatMap(({ addresses }) => addresses))
  const own = new Set(
    config.classes.flatMap(({ proxies }) =>
      proxies.flatMap(({ caddy, listen }) => [
        canonicalAddress(new URL(caddy.url).hostname.replace(/^\[|\]$/g, '')) ?? '',
        ...Object.keys(listen),
        ...Object.values(listen),
      ]),
    ),
  )
  return (address) => own.has(address) || ranges.some((range) => inRange(range, address))
}

function invalid(message: string, remedy: string): FairwayError {
  return new FairwayError({ code: 'ConfigInvalid', kind: 'terminal', message, remedy })
}

function checkClass(one: ClassConfig): void {
  for (const [name, complaint] of checkDefaults(one.defaults)) {
    throw invalid(`class "${one.name}": defaults.${name}: ${complaint}`, 'Mend the key named here')
  }
  if (parseSelector(one.nodes.selector) === undefined) {
    throw invalid(
      `class "${one.name}": nodes.selector: "${one.nodes.selector}" is not a label selector`,
      'Mend the key named here',
    )
  }
}

/** A default that a proxy cannot do would refuse every Service: better to say so at once. */
function checkCapabilities(one: ClassConfig, proxies: RunningClass['proxies']): void {
  const defaults = one.defaults
  const sample: Frontend = {
    address: '192.0.2.1',
    port: 1,
    protocol: 'TCP',
    group: '',
    targetPort: 1,
    proxyProtocol: readDefault(defaults, 'proxy-protocol') ?? 'off',
    balance: readDefault(defaults, 'balance') ?? 'round-robin',
    healthCheck: readDefault(defaults, 'health-check') ?? 'off',
    idleTimeoutMs: readDefault(defaults, 'idle-timeout'),
    maxConnections: readDefault(defaults, 'max-connections'),
    sourceRanges: [],
    hosts: readDefault(defaults, 'hosts') ?? [],
    service: undefined,
  }
  for (const { name, driver } of proxies) {
    const lack = findLack(sample, driver.capabilities)
    if (lack !== undefined) {
      throw invalid(
        `class "${one.name}": defaults: proxy "${name}" cannot do ${lack[0]}`,
        'Remove the default, or the proxy',
      )
    }
  }
}
