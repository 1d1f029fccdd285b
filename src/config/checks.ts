import { checkDefaults } from '../desired/annotations.ts'
import { numberAddress, rangesOverlap } from '../model/address.ts'
import { didYouMean } from '../model/nearest.ts'
import { checkFrontend, checkSelector, checkSockets } from './check-frontends.ts'
import { checkProxy } from './check-proxy.ts'
import { checkWebhookUsers } from './check-webhook.ts'
import { forbiddenTargets } from './forbidden.ts'
import { type ConfigIssue, findDuplicates } from './issue.ts'
import type { ClassConfig, Config, PoolConfig } from './schema.ts'

/** What a schema cannot say: rules between keys. Each issue names the key that somebody would change. */
export function checkConfig(config: Config): readonly ConfigIssue[] {
  const forbidden = forbiddenTargets(config)
  return [
    ...findDuplicates(config.classes, 'name', ['classes']),
    ...checkDefaultClass(config),
    ...checkAliases(config),
    ...checkWebhookUsers(config),
    ...config.classes.flatMap((one, index) => [
      ...checkClass(one, ['classes', index]),
      ...one.frontends.flatMap((frontend, at) =>
        checkFrontend(frontend, one, forbidden, ['classes', index, 'frontends', at]),
      ),
    ]),
  ]
}

function checkDefaultClass(config: Config): ConfigIssue[] {
  const first = config.classes.findIndex((one) => one.default)
  return config.classes.flatMap((one, index) =>
    one.default && index !== first
      ? [
          {
            path: ['classes', index, 'default'],
            message: `class "${config.classes[first]?.name}" is the default already; only one can be`,
          },
        ]
      : [],
  )
}

function checkAliases(config: Config): ConfigIssue[] {
  const holders = new Map<string, string>()
  return config.classes.flatMap((one, index) =>
    one.loadBalancerClass.flatMap((alias) => {
      const holder = holders.get(alias)
      holders.set(alias, holder ?? one.name)
      return holder === undefined
        ? []
        : [
            {
              path: ['classes', index, 'loadBalancerClass'],
              message: `"${alias}" already belongs to class "${holder}"`,
            },
          ]
    }),
  )
}

function checkClass(one: ClassConfig, path: ConfigIssue['path']): ConfigIssue[] {
  return [
    ...findDuplicates(one.pools, 'name', [...path, 'pools']),
    ...findDuplicates(one.proxies, 'name', [...path, 'proxies']),
    ...findDuplicates(one.frontends, 'name', [...path, 'frontends']),
    ...checkOverlaps(one.pools, [...path, 'pools']),
    ...checkWildcards(one.pools, [...path, 'pools']),
    ...checkPoolProxies(one, [...path, 'pools']),
    ...checkReserved(one, [...path, 'ports', 'deny']),
    ...checkClassDefaults(one, [...path, 'defaults']),
    ...checkSelector(one.nodes.selector, [...path, 'nodes', 'selector']),
    ...one.proxies.flatMap((proxy, index) => checkProxy(proxy, one.pools, [...path, 'proxies', index])),
    ...checkSockets(one, [...path, 'frontends']),
  ]
}

function checkOverlaps(pools: readonly PoolConfig[], path: ConfigIssue['path']): ConfigIssue[] {
  const ranges = pools.flatMap((pool, index) =>
    pool.addresses.map((range, at) => ({ range, pool: pool.name, path: [...path, index, 'addresses', at] })),
  )
  return ranges.flatMap((one, index) => {
    const other = ranges.slice(0, index).find((earlier) => rangesOverlap(earlier.range, one.range))
    return other === undefined
      ? []
      : [{ path: one.path, message: `${one.range.text} overlaps ${other.range.text} of pool "${other.pool}"` }]
  })
}

/** `0.0.0.0` and `::` bind every address of the machine, and lead no client to it. */
function checkWildcards(pools: readonly PoolConfig[], path: ConfigIssue['path']): ConfigIssue[] {
  return pools.flatMap((pool, index) =>
    pool.addresses.flatMap(({ family, first, text }, at) => {
      if (first !== 0n) return []
      const wildcard = numberAddress(family, first)
      const message = `${text} has the wildcard ${wildcard}; give the published addresses here, and "*" in a proxy's listen to bind all`
      return [{ path: [...path, index, 'addresses', at], message }]
    }),
  )
}

function checkPoolProxies({ pools, proxies }: ClassConfig, path: ConfigIssue['path']): ConfigIssue[] {
  const known = proxies.map(({ name }) => name)
  return pools.flatMap((pool, index) =>
    pool.proxies.flatMap((name, at) =>
      known.includes(name) ? [] : [unknownName(name, 'proxy', known, [...path, index, 'proxies', at])],
    ),
  )
}

function unknownName(name: string, what: string, known: readonly string[], path: ConfigIssue['path']): ConfigIssue {
  return { path, message: `"${name}" is no ${what} of the class${didYouMean(name, known)}` }
}

/** A port that nobody gets cannot be kept for somebody. */
function checkReserved({ ports }: ClassConfig, path: ConfigIssue['path']): ConfigIssue[] {
  return ports.deny.flatMap((port, index) =>
    ports.reserve.has(port) ? [{ path: [...path, index], message: `${port} is in reserve too` }] : [],
  )
}

function checkClassDefaults({ defaults, pools, pods }: ClassConfig, path: ConfigIssue['path']): ConfigIssue[] {
  const malformed = checkDefaults(defaults)
  const issues: ConfigIssue[] = [...malformed].map(([name, message]) => ({ path: [...path, name], message }))
  const { pool, targets } = defaults
  const known = pools.map(({ name }) => name)
  if (pool !== undefined && pool !== 'off' && !malformed.has('pool') && !known.includes(pool)) {
    issues.push(unknownName(pool, 'pool', known, [...path, 'pool']))
  }
  if (targets === 'pods' && pods.cidrs.length === 0) {
    issues.push({ path: [...path, 'targets'], message: 'needs pods.cidrs, where the addresses of pods are' })
  }
  return issues
}
