import type { WebhookStyle } from '../../config/edge-webhook.ts'
import { compareText, makeTable, type ProxyProtocol, type Table, type Target } from '../../model/table.ts'
import type { AddCall, DeleteCall } from './call.ts'

/** One address that a port leads to. */
export interface Lead {
  readonly address: string
  /** That it is reached at. */
  readonly port: number
  /** When a client called for it last, in milliseconds since any moment. */
  readonly heardAt: number
}

/** A port that clients have asked for. */
export interface Opening {
  /** What the clients call it. */
  readonly name: string
  readonly proxyProtocol: ProxyProtocol
  /** By address: what several nodes run is reached at all of them. */
  readonly leads: ReadonlyMap<string, Lead>
}

/** By port. A value: never edited in place. */
export type Openings = ReadonlyMap<number, Opening>

/** Each a client that calls again and again: more of them are a mistake or an attack. */
export const MOST_LEADS = 64

/**
 * A client has called. A port leads to every address that was called for under one name, and each has its own time. The last name takes a port over from
 * the one before, as in their script, where the last call wins.
 */
export function addLead(openings: Openings, call: AddCall, style: WebhookStyle, nowMs: number): Openings {
  const before = openings.get(call.port)
  const leads = before?.name === call.name ? before.leads : []
  const { address, port } = call.target
  const opening = {
    name: call.name,
    proxyProtocol: call.proxyProtocol ?? style.proxyProtocol,
    leads: new Map([...leads, [address, { address, port, heardAt: nowMs }] as const]),
  }
  return new Map([...openings, [call.port, opening] as const])
}

/** A client says goodbye. What is not there is gone already. */
export function removeLead(openings: Openings, { port, address }: DeleteCall): Openings {
  return filterLeads(openings, (at, lead) => at !== port || (address !== undefined && lead.address !== address))
}

/** Forgets what has not been called for within a time. */
export function expireLeads(openings: Openings, nowMs: number, expireMs: number): Openings {
  return filterLeads(openings, (_, { heardAt }) => nowMs < heardAt + expireMs)
}

/** Those leads that pass, and the ports that have any. The same object where all pass. */
export function filterLeads(openings: Openings, passes: (port: number, lead: Lead) => boolean): Openings {
  let changed = false
  const entries = [...openings].flatMap(([port, opening]) => {
    const leads = new Map([...opening.leads].filter(([, lead]) => passes(port, lead)))
    if (leads.size === opening.leads.size) return [[port, opening] as const]
    changed = true
    return leads.size === 0 ? [] : [[port, { ...opening, leads }] as const]
  })
  return changed ? new Map(entries) : openings
}

/** What the proxy program is to serve: every port on each of the addresses. */
export function tableOf(openings: Openings, addresses: readonly string[], style: WebhookStyle): Table {
  const found = [...openings].map(([port, { name, proxyProtocol, leads }]) => {
    const sorted = [...leads.values()].toSorted((a, b) => compareText(a.address, b.address))
    const targetPort = sorted[0]?.port ?? port
    const targets = sorted.map((lead): Target => {
      return { name, address: lead.address, ...(lead.port === targetPort ? {} : { port: lead.port }) }
    })
    const shape = { ...style, port, targetPort, proxyProtocol, protocol: 'TCP' as const, sourceRanges: [] }
    const group = { id: String(port), targets }
    const frontends = [...new Set(addresses)].map((address) => {
      return { ...shape, address, group: group.id, service: undefined }
    })
    return { frontends, group }
  })
  return makeTable(
    found.flatMap(({ frontends }) => frontends),
    found.map(({ group }) => group),
  )
}

/** The inverse of `tableOf`, after a restart: all of it counts as called for just now, since nobody could call meanwhile. */
export function openingsOf({ frontends, groups }: Table, nowMs: number): Openings {
  const targets = new Map(groups.map((group) => [group.id, group.targets]))
  return new Map(
    frontends.map(({ port, group, targetPort, proxyProtocol }) => {
      const leads = (targets.get(group) ?? []).map((target) => {
        const { address } = target
        return [address, { address, port: target.port ?? targetPort, heardAt: nowMs }] as const
      })
      const name = targets.get(group)?.[0]?.name ?? ''
      return [port, { name, proxyProtocol, leads: new Map(leads) }]
    }),
  )
}
