import { canonicalAddress, familyOf, numberAddress, rangesOverlap } from '../model/address.ts'
import type { ClassConfig, Config, PoolConfig, ProxyConfig } from './schema.ts'

export interface ConfigIssue {
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** What a schema cannot say: rules between keys. Each issue names the key that somebody would change. */
export function checkConfig(config: Config): readonly ConfigIssue[] {
  return [
    ...duplicates(config.classes, 'name', ['classes']),
    ...checkDefaultClass(config),
    ...checkAliases(config),
    ...config.classes.flatMap((one, index) => checkClass(one, ['classes', index])),
  ]
}

function duplicates<T extends object>(
  items: readonly T[],
  key: keyof T & string,
  path: ConfigIssue['path'],
): ConfigIssue[] {
  return items.flatMap((item, index) => {
    const first = items.findIndex((other) => other[key] === item[key])
    return first === index
      ? []
      : [{ path: [...path, index, key], message: `"${String(item[key])}" is already the ${key} of entry ${first + 1}` }]
  })
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
    ...duplicates(one.pools, 'name', [...path, 'pools']),
    ...duplicates(one.proxies, 'name', [...path, 'proxies']),
    ...checkOverlaps(one.pools, [...path, 'pools']),
    ...checkWildcards(one.pools, [...path, 'pools']),
    ...one.proxies.flatMap((proxy, index) => checkProxy(proxy, [...path, 'proxies', index])),
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

function checkProxy(proxy: ProxyConfig, path: ConfigIssue['path']): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const { url, insecure, certFile, keyFile, caFile } = proxy.caddy
  if (url.startsWith('http:') && !insecure) {
    issues.push({
      path: [...path, 'caddy', 'url'],
      message:
        "plain http leaves Caddy's admin API open to whoever reaches it; use https with certFile and keyFile, or say insecure: true",
    })
  }
  if (url.startsWith('http:') && (certFile ?? keyFile ?? caFile) !== undefined) {
    issues.push({ path: [...path, 'caddy', 'url'], message: 'certFile, keyFile and caFile need an https URL' })
  }
  if ((certFile === undefined) !== (keyFile === undefined)) {
    issues.push({ path: [...path, 'caddy'], message: 'certFile and keyFile go together' })
  }
  return [...issues, ...checkListen(proxy, [...path, 'listen'])]
}

function checkListen(proxy: ProxyConfig, path: ConfigIssue['path']): ConfigIssue[] {
  const bound = new Map<string, string>()
  return Object.entries(proxy.listen).flatMap(([published, target]) => {
    const canonical = canonicalAddress(published)
    if (canonical !== published) {
      const hint = canonical === undefined ? 'is not an IPv4 or IPv6 address' : `is written ${canonical}`
      return [{ path: [...path, published], message: `"${published}" ${hint}` }]
    }
    const key = target === '*' ? `* (${familyOf(canonical)})` : target
    const other = bound.get(key)
    bound.set(key, other ?? published)
    return other === undefined
      ? []
      : [
          {
            path: [...path, published],
            message: `${key} is bound for ${other} already: two published addresses cannot share one`,
          },
        ]
  })
}
