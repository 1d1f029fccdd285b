import { canonicalAddress, familyOf } from '../../model/address.ts'
import type { Problem } from '../../model/problems.ts'
import { type Frontend, frontendKey } from '../../model/table.ts'
import { webhookCapabilities } from './capabilities.ts'
import type { WebhookOptions } from './options.ts'

/** What a script has no word for; undefined: all of it can be said. What can be known before is left out by plan/capabilities already. */
export function findLack(frontend: Frontend, { proxy, sendProxy }: WebhookOptions): Problem | undefined {
  const { protocol, address } = frontend
  const able = webhookCapabilities(sendProxy)[protocol]
  if (able === undefined) return unsupported(frontend, proxy, `protocol ${protocol}`, 'ProtocolUnsupported')
  const lacks: readonly (readonly [boolean, string])[] = [
    [canonicalAddress(address) !== address || familyOf(address) !== 'IPv4', 'an IPv6 address'],
    [!able.proxyProtocol.includes(frontend.proxyProtocol), `PROXY protocol ${frontend.proxyProtocol}`],
    [!able.balance.includes(frontend.balance), `balance ${frontend.balance}`],
    [frontend.healthCheck?.derived === false, 'a health check'],
    [frontend.affinityMs !== undefined, 'a time of affinity'],
    [frontend.sourceRanges.length > 0, 'source ranges'],
    [frontend.hosts.length > 0, 'hosts (SNI)'],
    [frontend.maxConnections !== undefined, 'max-connections'],
    [frontend.idleTimeoutMs !== undefined, 'an idle timeout'],
  ]
  const lack = lacks.find(([isLacking]) => isLacking)
  return lack === undefined ? undefined : unsupported(frontend, proxy, lack[1], 'Unsupported')
}

function unsupported(frontend: Frontend, proxy: string, what: string, code: Problem['code']): Problem {
  const message = `${frontendKey(frontend)} asks for ${what}, which the script of proxy ${proxy} cannot do`
  return { code, kind: 'unsupported', message, remedy: 'Do without, or use a class with another kind of proxy' }
}
