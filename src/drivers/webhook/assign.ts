import { canonicalAddress, familyOf, hostPort } from '../../model/address.ts'
import type { Refusal } from '../../model/driver.ts'
import type { Problem } from '../../model/problems.ts'
import { hashText, pickMembers } from '../../model/rendezvous.ts'
import {
  type Frontend,
  type FrontendKey,
  frontendKey,
  serviceName,
  type Table,
  type Target,
} from '../../model/table.ts'
import { type Call, type Destination, openCall } from './calls.ts'
import { findLack } from './lack.ts'
import type { WebhookOptions } from './options.ts'

/** What a table comes to where each port leads to one server, whatever address it is on. */
export interface Assigned {
  /** By port. A frontend without targets has none: its port is closed. */
  readonly calls: ReadonlyMap<number, { readonly key: FrontendKey; readonly call: Call }>
  readonly refused: readonly Refusal[]
  /** Where a port leads that could lead to several, and where to after that. */
  readonly notices: readonly Refusal[]
}

/**
 * Chooses for each port the frontend that has it, and the server that it leads to. `holders` have their ports already; otherwise the first by key does.
 * A server is chosen by rendezvous hashing: it stays as long as it is in the group, whoever else comes and goes, and ports are spread over all.
 */
export function assignPorts(
  { frontends, groups }: Table,
  holders: ReadonlyMap<number, FrontendKey>,
  options: WebhookOptions,
): Assigned {
  const targets = new Map(groups.map((group) => [group.id, group.targets]))
  const verdicts = frontends.map((one) => ({ one, key: frontendKey(one), lack: findLack(one, options) }))
  const owners = new Map<number, Frontend>()
  for (const { one, key, lack } of verdicts) {
    if (lack === undefined && (!owners.has(one.port) || holders.get(one.port) === key)) owners.set(one.port, one)
  }
  const calls = new Map<number, { readonly key: FrontendKey; readonly call: Call }>()
  const refused: Refusal[] = []
  const notices: Refusal[] = []
  for (const { one, key, lack } of verdicts) {
    const owner = owners.get(one.port) ?? one
    const no = lack ?? (owner === one ? undefined : taken(one, owner, options))
    const lead = no ?? findLead(one, targets.get(one.group) ?? [], options)
    if (lead === undefined) continue
    if ('code' in lead) {
      refused.push({ key, problem: lead })
      continue
    }
    calls.set(one.port, { key, call: openCall(one, lead.first, options) })
    if (lead.next !== undefined) notices.push({ key, problem: alone(key, lead.first, lead.next, options) })
  }
  return { calls, refused, notices }
}

/** Where a port leads: `next` takes the place of `first`. */
interface Lead {
  readonly first: Destination
  readonly next: Destination | undefined
}

/** Undefined: there are no targets. */
function findLead(
  frontend: Frontend,
  targets: readonly Target[],
  { proxy }: WebhookOptions,
): Lead | Problem | undefined {
  if (targets.length === 0) return undefined
  const bad = targets.find(({ address }) => canonicalAddress(address) !== address)
  if (bad !== undefined) return badTarget(frontend, bad, proxy)
  const members = targets.flatMap(({ name, address, port = frontend.targetPort }) =>
    familyOf(address) === 'IPv4' ? { name, address, port, hash: hashText(`${address} ${port}`) } : [],
  )
  const seed = hashText(frontendKey(frontend))
  const [first] = pickMembers(members, seed, 1)
  if (first === undefined) return noIpv4(frontend, proxy)
  const rest = members.filter((one) => one !== first)
  return { first, next: pickMembers(rest, seed, 1)[0] }
}

function alone(key: FrontendKey, first: Destination, next: Destination, { proxy }: WebhookOptions): Problem {
  return {
    code: 'SingleTarget',
    kind: 'unsupported',
    message: `${key} on proxy ${proxy} leads to ${shown(first)} alone, and to ${shown(next)} once that is gone: its script has one server a port`,
    remedy: 'Use another kind of proxy to spread connections over all targets',
  }
}

function shown({ name, address }: Destination): string {
  return name === '' ? address : `${name} (${address})`
}

function taken({ address, port }: Frontend, owner: Frontend, { proxy }: WebhookOptions): Problem {
  const service = owner.service === undefined ? '' : ` (Service ${serviceName(owner.service)})`
  const message = `${hostPort(address, port)} cannot be told apart on proxy ${proxy} from ${hostPort(owner.address, port)}${service}: its script opens a port on all addresses`
  return { code: 'PortTaken', kind: 'terminal', message, remedy: 'Use another port, or one address for all Services' }
}

function badTarget(frontend: Frontend, { address }: Target, proxy: string): Problem {
  const target = JSON.stringify(address).slice(0, 80)
  const message = `target ${target} of ${frontendKey(frontend)} is no address that proxy ${proxy} may be given`
  const remedy = 'Correct the address of the node or endpoint that it comes from'
  return { code: 'TargetRefused', kind: 'terminal', message, remedy }
}

function noIpv4(frontend: Frontend, proxy: string): Problem {
  const message = `${frontendKey(frontend)} has no target with an IPv4 address, and the script of proxy ${proxy} takes no other`
  return { code: 'TargetRefused', kind: 'unsupported', message, remedy: 'Give the nodes IPv4 addresses' }
}
