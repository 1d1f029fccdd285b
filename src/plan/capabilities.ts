import { CHECK_DEFAULTS } from '../model/checks.ts'
import { unmark, withoutDraining } from '../model/draining.ts'
import { type Abilities, type Capabilities, protocolsOf, type Refusal } from '../model/driver.ts'
import { PREFIX } from '../model/names.ts'
import { createMapper, sameElements } from '../model/remember.ts'
import {
  type Frontend,
  frontendKey,
  type HealthCheck,
  PROTOCOLS,
  type Protocol,
  serviceName,
  type Table,
  type TargetGroup,
} from '../model/table.ts'

export interface Fitted {
  /** What the proxy can do of a table. */
  readonly table: Table
  /** Frontends that are not in it, and why. */
  readonly refusals: readonly Refusal[]
}

/**
 * Fits a table to what a proxy can do, before anything is sent. What nobody asked for gives way in silence: derived checks, the time of an affinity,
 * the draining of targets. What somebody asked for is never dropped: its frontend is refused by name, and the rest of the table is served. Groups
 * and frontends that nothing changes stay the same objects, and so does a table to which nothing applies.
 */
export function fitTable(table: Table, proxy: string, can: Capabilities): Fitted {
  return createFitter(proxy)(table, can)
}

/** Fits again and again, and looks only at what is new in a table. */
export function createFitter(proxy: string): (table: Table, can: Capabilities) => Fitted {
  let known: { readonly can: Capabilities; readonly fit: (table: Table) => Fitted } | undefined
  return (table, can) => {
    // A proxy may tell them anew with each reading.
    if (known === undefined || (known.can !== can && JSON.stringify(known.can) !== JSON.stringify(can)))
      known = { can, fit: fitterFor(proxy, can) }
    return known.fit(table)
  }
}

function fitterFor(proxy: string, can: Capabilities): (table: Table) => Fitted {
  const fitFrontends = createMapper((frontend: Frontend): Frontend | Refusal => {
    const fitted = fitFrontend(frontend, can)
    const lack = findLack(fitted, can)
    return lack === undefined ? fitted : { key: frontendKey(frontend), problem: lackProblem(frontend, proxy, lack) }
  })
  const fitGroups = createMapper((group: TargetGroup) => fitGroup(group, can))
  return (table) => assemble(table, fitFrontends(table.frontends), fitGroups(table.groups))
}

function assemble(table: Table, all: readonly (Frontend | Refusal)[], groups: readonly TargetGroup[]): Fitted {
  const frontends: Frontend[] = []
  const refusals: Refusal[] = []
  for (const one of all) {
    if ('problem' in one) refusals.push(one)
    else frontends.push(one)
  }
  if (sameElements(frontends, table.frontends) && sameElements(groups, table.groups)) return { table, refusals }
  if (refusals.length === 0) return { table: { frontends, groups }, refusals }
  const used = new Set(frontends.map(({ group }) => group))
  return { table: { frontends, groups: groups.filter(({ id }) => used.has(id)) }, refusals }
}

function fitFrontend(frontend: Frontend, can: Capabilities): Frontend {
  const { protocol, balance, healthCheck, affinityMs } = frontend
  const able = can[protocol]
  if (able === undefined) return frontend
  const dropsCheck = healthCheck?.derived === true && findCheckLack(healthCheck, protocol, able) !== undefined
  // What is refused for its balance keeps it, so that the refusal can name where the wish came from.
  const dropsAffinity = affinityMs !== undefined && !able.affinityTimeout && able.balance.includes(balance)
  if (!dropsCheck && !dropsAffinity) return frontend
  return {
    ...frontend,
    healthCheck: dropsCheck ? undefined : healthCheck,
    affinityMs: dropsAffinity ? undefined : affinityMs,
  }
}

/** Where targets cannot be drained, those that are about to leave are gone already, and the cordoned ones serve on. A group never drains as a whole. */
function fitGroup(group: TargetGroup, can: Capabilities): TargetGroup {
  const { id, targets } = group
  if (targets.every(({ draining }) => draining === undefined)) return group
  if (!PROTOCOLS.some((protocol) => can[protocol]?.drain)) return withoutDraining(group)
  return targets.some(({ draining }) => draining === undefined) ? group : { id, targets: targets.map(unmark) }
}

type Lack = readonly [what: string, remedy: string]

function lackProblem({ service, port, protocol }: Frontend, proxy: string, [what, remedy]: Lack): Refusal['problem'] {
  const who = service === undefined ? 'The configuration' : `Service ${serviceName(service)}`
  const message = `${who} asks for ${what} on port ${port}/${protocol}, which proxy ${proxy} cannot do`
  // The same names, only elsewhere.
  const where = service === undefined ? remedy.replaceAll(`${PREFIX}/`, 'settings.') : remedy
  return { code: 'Unsupported', kind: 'unsupported', message, remedy: where }
}

/** What is lacking and what to do about it, or undefined when the frontend can be served as it is. */
export function findLack(frontend: Frontend, can: Capabilities): Lack | undefined {
  const { protocol, proxyProtocol, balance, affinityMs, healthCheck } = frontend
  const able = can[protocol]
  if (able === undefined) return [`protocol ${protocol}`, `Use ${protocolsOf(can).join(' or ')}`]
  if (proxyProtocol !== 'off' && !able.proxyProtocol.includes(proxyProtocol)) {
    return [`PROXY protocol ${proxyProtocol}`, setTo('proxy-protocol', [...able.proxyProtocol, 'off'])]
  }
  if (!able.balance.includes(balance)) {
    const why = affinityMs === undefined ? '' : ' (sessionAffinity ClientIP)'
    return [`balance ${balance}${why}`, setTo('balance', able.balance)]
  }
  const checkLack = healthCheck && findCheckLack(healthCheck, protocol, able)
  if (checkLack !== undefined) return checkLack
  if (frontend.sourceRanges.length > 0 && !able.sourceRanges) {
    return ['source ranges', 'Remove them, or use a class whose proxies filter clients']
  }
  if (frontend.hosts.length > 0 && !able.hosts) return ['hosts (SNI)', `Remove ${PREFIX}/hosts`]
  if (frontend.maxConnections !== undefined && !able.maxConnections) {
    return ['max-connections', `Remove ${PREFIX}/max-connections`]
  }
  if (frontend.idleTimeoutMs !== undefined && !able.idleTimeout) {
    return [`an idle timeout for ${protocol}`, `Remove ${PREFIX}/idle-timeout, or name the ports it can be set for`]
  }
  return undefined
}

function findCheckLack(check: HealthCheck, protocol: Protocol, able: Abilities): Lack | undefined {
  const { kind, port, rise, fall } = check
  const where = protocol === 'UDP' ? ' for the UDP ports' : ''
  if (!able.healthCheck.includes(kind))
    return [`health-check ${kind}`, setTo('health-check', [...able.healthCheck, 'off']) + where]
  if (port !== undefined && !able.checkPort) {
    const others = able.healthCheck.filter((other) => other !== kind)
    return [`health-check ${kind} on another port (${port})`, setTo('health-check', [...others, 'off']) + where]
  }
  if ((rise !== CHECK_DEFAULTS.rise || fall !== CHECK_DEFAULTS.fall) && !able.checkThresholds) {
    return [
      'health-check-rise or health-check-fall',
      `Remove ${PREFIX}/health-check-rise and ${PREFIX}/health-check-fall`,
    ]
  }
  return undefined
}

function setTo(name: string, values: readonly string[]): string {
  return `Set ${PREFIX}/${name} to ${[...new Set(values)].join(' or ')}`
}
