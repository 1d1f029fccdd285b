import type { Capabilities, Refusal } from '../model/driver.ts'
import { type Frontend, frontendKey, serviceName, type Table } from '../model/table.ts'

/** What of a table a proxy cannot do, a refusal for each such frontend. Found before anything is sent; the rest is served. */
export function checkCapabilities(table: Table, proxy: string, can: Capabilities): readonly Refusal[] {
  return table.frontends.flatMap((frontend) => {
    const lack = findLack(frontend, can)
    if (lack === undefined) return []
    const [what, remedy] = lack
    const service = frontend.service === undefined ? 'The configuration' : `Service ${serviceName(frontend.service)}`
    const message = `${service} asks for ${what} on port ${frontend.port}/${frontend.protocol}, which proxy ${proxy} cannot do`
    return [{ key: frontendKey(frontend), problem: { code: 'Unsupported', kind: 'unsupported', message, remedy } }]
  })
}

/** What is lacking and what to do about it, or undefined when the frontend can be served. */
export function findLack(frontend: Frontend, can: Capabilities): readonly [what: string, remedy: string] | undefined {
  const { protocol, proxyProtocol, balance, healthCheck } = frontend
  if (!can.protocols.includes(protocol)) return [`protocol ${protocol}`, `Use ${can.protocols.join(' or ')}`]
  if (proxyProtocol !== 'off' && !can.proxyProtocol[protocol].includes(proxyProtocol)) {
    return [`PROXY protocol ${proxyProtocol}`, setTo('proxy-protocol', [...can.proxyProtocol[protocol], 'off'])]
  }
  if (!can.balance.includes(balance)) return [`balance ${balance}`, setTo('balance', can.balance)]
  if (!can.healthCheck.includes(healthCheck))
    return [`health-check ${healthCheck}`, setTo('health-check', can.healthCheck)]
  if (frontend.sourceRanges.length > 0 && !can.sourceRanges) {
    return ['loadBalancerSourceRanges', 'Remove spec.loadBalancerSourceRanges, or use a class whose proxies filter']
  }
  if (frontend.hosts.length > 0 && !can.hosts) return ['hosts (SNI)', 'Remove the annotation fairway.dev/hosts']
  if (frontend.maxConnections !== undefined && !can.maxConnections) {
    return ['max-connections', 'Remove the annotation fairway.dev/max-connections']
  }
  if (frontend.idleTimeoutMs !== undefined && !can.idleTimeout.includes(protocol)) {
    return [`an idle timeout for ${protocol}`, 'Remove fairway.dev/idle-timeout, or name the ports it can be set for']
  }
  return undefined
}

function setTo(name: string, values: readonly string[]): string {
  return `Set fairway.dev/${name} to ${values.join(' or ')}`
}
