import type { ConfigIssue } from './issue.ts'
import type { Config, PoolConfig, ProxyConfig } from './schema.ts'

/** A script opens a port on all addresses of its machine: on two of them nothing could tell two Services apart. */
export function checkWebhookProxy(
  { access, listen }: ProxyConfig,
  own: readonly PoolConfig[],
  path: ConfigIssue['path'],
): ConfigIssue[] {
  if (access.kind !== 'webhook') return []
  const issues: ConfigIssue[] = []
  const [range, ...more] = own.flatMap(({ addresses }) => addresses)
  if (range === undefined || more.length > 0 || range.family !== 'IPv4' || range.first !== range.last) {
    const why = 'its script opens a port on all addresses of the machine'
    issues.push({ path: [...path, 'webhook'], message: `needs pools that give it one IPv4 address in all: ${why}` })
  }
  if (Object.keys(listen).length > 0) {
    const message = 'is not for a webhook, whose script opens a port on all addresses of the machine'
    issues.push({ path: [...path, 'listen'], message })
  }
  return issues
}

/** Nothing on the proxy would tell which class opened a port. */
export function checkWebhookUsers({ classes }: Config): ConfigIssue[] {
  const users = new Map<string, string>()
  return classes.flatMap(({ name, proxies }, index) =>
    proxies.flatMap(({ access }, at) => {
      if (access.kind !== 'webhook') return []
      const user = users.get(access.url)
      users.set(access.url, user ?? name)
      const path = ['classes', index, 'proxies', at, 'webhook', 'url']
      return user === undefined ? [] : [{ path, message: `is called by class "${user}" already; only one can` }]
    }),
  )
}
