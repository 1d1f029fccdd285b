import { poolOf } from '../desired/pools.ts'
import { canonicalAddress, familyOf } from '../model/address.ts'
import { hasPool } from './addresses.ts'
import { checkWebhookProxy } from './check-webhook.ts'
import type { ConfigIssue } from './issue.ts'
import type { PoolConfig, ProxyConfig } from './schema.ts'

/** Rules between the keys of one proxy, and with the pools of its class. */
export function checkProxy(
  proxy: ProxyConfig,
  pools: readonly PoolConfig[],
  path: ConfigIssue['path'],
): readonly ConfigIssue[] {
  const own = pools.filter((pool) => hasPool(proxy.name, pool))
  return [
    ...checkAccess(proxy, path),
    ...checkWebhookProxy(proxy, own, path),
    ...checkListen(proxy, own, [...path, 'listen']),
  ]
}

const PLAIN: Readonly<Record<ProxyConfig['access']['kind'], string>> = {
  caddy:
    "plain http leaves Caddy's admin API open to whoever reaches it; use https with certFile and keyFile, or say insecure: true",
  edge: 'plain http shows the token to whoever listens on the way; use https with caFile, or say insecure: true',
  webhook: 'plain http shows the token to whoever listens on the way; use https with caFile, or say insecure: true',
  dataplane:
    'plain http shows the password to whoever listens on the way; use https with caFile, or say insecure: true',
}

function checkAccess({ access, listen }: ProxyConfig, path: ConfigIssue['path']): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const { kind, url, insecure, certFile, keyFile, caFile } = access
  if (url.startsWith('http:') && !insecure) {
    issues.push({ path: [...path, kind, 'url'], message: PLAIN[kind] })
  }
  if (url.startsWith('http:') && (certFile ?? keyFile ?? caFile) !== undefined) {
    issues.push({ path: [...path, kind, 'url'], message: 'certFile, keyFile and caFile need an https URL' })
  }
  if ((certFile === undefined) !== (keyFile === undefined)) {
    issues.push({ path: [...path, kind], message: 'certFile and keyFile go together' })
  }
  if (kind === 'dataplane' && access.userFile === undefined && certFile === undefined) {
    const message = 'needs userFile, or certFile and keyFile: the API serves nobody whom it does not know'
    issues.push({ path: [...path, kind], message })
  }
  return [...issues, ...checkEdge(access, listen, path)]
}

function checkEdge(
  access: ProxyConfig['access'],
  listen: ProxyConfig['listen'],
  path: ConfigIssue['path'],
): ConfigIssue[] {
  if (access.kind !== 'edge') return []
  const issues: ConfigIssue[] = []
  if (access.tokenFile === undefined && access.certFile === undefined) {
    const message = 'needs tokenFile, or certFile and keyFile: the edge serves nobody whom it does not know'
    issues.push({ path: [...path, 'edge'], message })
  }
  if (Object.keys(listen).length > 0) {
    const message = 'is for proxies without an edge: an edge has `publish` in its own configuration for that'
    issues.push({ path: [...path, 'listen'], message })
  }
  return issues
}

function checkListen({ listen }: ProxyConfig, own: readonly PoolConfig[], path: ConfigIssue['path']): ConfigIssue[] {
  const bound = new Map<string, string>()
  return Object.entries(listen).flatMap(([published, target]) => {
    const issue = (message: string) => [{ path: [...path, published], message }]
    const canonical = canonicalAddress(published)
    if (canonical === undefined) return issue(`"${published}" is not an IPv4 or IPv6 address`)
    if (canonical !== published) return issue(`"${published}" is written ${canonical}`)
    const key = target === '*' ? `* (${familyOf(canonical)})` : target
    const other = bound.get(key)
    bound.set(key, other ?? published)
    if (other !== undefined)
      return issue(`${key} is bound for ${other} already: two published addresses cannot share one`)
    const pool = target === '*' || Object.hasOwn(listen, target) ? undefined : poolOf(own, target)
    return pool === undefined
      ? []
      : issue(
          `${target} is an address of pool "${pool.name}", and bound for itself: give it an entry here too, or bind another one for ${published}`,
        )
  })
}
