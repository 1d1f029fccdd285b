import type { Problem } from '../model/problems.ts'
import { compareText, type Frontend, frontendKey, type Table, type Target, type TargetGroup } from '../model/table.ts'
import { type ClaimId, claimsOf, inOrder } from './claims.ts'
import type { BoundFrontend, EngineState } from './engines/engine.ts'
import { type FittedGroup, fitTargets } from './fit-targets.ts'
import { claimantsProblem, type Grant, grantSockets } from './grant.ts'
import { boundId, type OwnerName, type OwnerParts, ownerName } from './owners.ts'
import { createBudgets } from './quota.ts'
import { createRemarks, type Remarks } from './remarks.ts'
import type { Rules } from './rules.ts'

export interface OwnedTable {
  readonly owner: OwnerParts
  readonly table: Table
}

export interface ArbitrationInput {
  /** Frontends of the edge's own configuration, each a table of its own: they need no cluster, and go before all of them. */
  readonly fixed: readonly OwnedTable[]
  readonly tables: readonly OwnedTable[]
  /** As the arbitration before left it: holders, then those who wait, longest first. */
  readonly order: readonly ClaimId[]
  readonly rules: Rules
}

/** Behind a BoundFrontend: whose it is, and what its owner calls it. */
export interface Origin {
  readonly owner: OwnerName
  readonly key: string
}

export interface Arbitration {
  readonly state: EngineState
  readonly order: readonly ClaimId[]
  readonly refused: Remarks
  /** Of frontends that are served all the same. */
  readonly notices: Remarks
  /** By id of the BoundFrontend. */
  readonly origins: ReadonlyMap<string, Origin>
}

/**
 * Decides what the machine serves of what its owners ask for. An address and port belongs to who holds it: fixed frontends, then those who held
 * theirs in the arbitration before, then those who wait for one, then new claims by name. What an owner is denied is denied for that frontend
 * alone. Two owners never share a socket, not even by hosts, since one could take the other's names. The result depends on the input's content
 * only, not on the order of its tables.
 */
export function arbitrate({ fixed, tables, order, rules }: ArbitrationInput): Arbitration {
  const refused = createRemarks()
  const notices = createRemarks()
  const claims = [
    ...inOrder(
      fixed.flatMap(({ owner, table }) => claimsOf(owner, table, rules)),
      [],
    ),
    ...inOrder(
      tables.flatMap(({ owner, table }) => claimsOf(owner, table, rules)),
      order,
    ),
  ]
  const groups = new Map(
    [...fixed, ...tables].map(({ owner, table }) => [ownerName(owner), fitTargets(owner, table.groups, rules)]),
  )
  const fittedOf = (owner: OwnerParts, group: string) => groups.get(ownerName(owner))?.get(group)
  const budgets = createBudgets(rules.quota, (owner, group) => fittedOf(owner, group)?.group.targets.length ?? 0)
  const given = grantSockets(claims, budgets, refused.add)
  const bound = new Map<string, Bound>()
  for (const grant of given.grants) {
    const { owner, frontend } = grant
    const fitted = fittedOf(owner, frontend.group)
    const id = boundId(owner, frontend)
    const problem = findTrouble(frontend, fitted, bound.has(id))
    if (fitted === undefined || problem !== undefined) {
      if (problem !== undefined) refused.add(owner, frontend, problem)
      continue
    }
    bound.set(id, bindGrant(id, grant, fitted.group))
    if (fitted.forbidden.length > 0) notices.add(owner, frontend, forbiddenProblem(frontend, fitted.forbidden))
    if (grant.claimants.size > 0) notices.add(owner, frontend, claimantsProblem(grant))
  }
  const all = [...bound.values()].toSorted((a, b) => compareText(a.one.id, b.one.id))
  return {
    state: { frontends: all.map(({ one }) => one), groups: groupsOf(all) },
    order: given.order,
    refused: refused.all(),
    notices: notices.all(),
    origins: new Map(all.map(({ one, origin }) => [one.id, origin])),
  }
}

interface Bound {
  readonly one: BoundFrontend
  readonly group: TargetGroup
  readonly origin: Origin
}

function bindGrant(id: string, { owner, frontend, socket }: Grant, group: TargetGroup): Bound {
  return {
    one: { id, frontend: { ...frontend, group: group.id }, bindAddress: socket.address },
    group,
    origin: { owner: ownerName(owner), key: frontendKey(frontend) },
  }
}

function groupsOf(bound: readonly Bound[]): EngineState['groups'] {
  const groups = new Map(bound.map(({ group }) => [group.id, group]))
  return new Map([...groups].toSorted(([a], [b]) => compareText(a, b)))
}

/** Why a frontend that has its socket cannot be served all the same. It keeps the socket. */
function findTrouble(frontend: Frontend, fitted: FittedGroup | undefined, named: boolean): Problem | undefined {
  if (named) {
    const message = `${frontendKey(frontend)} cannot be told apart from another frontend on its socket`
    return { code: 'HostTaken', kind: 'terminal', message, remedy: 'Use other hosts' }
  }
  return fitted !== undefined && fitted.forbidden.length > 0 && fitted.group.targets.length === 0
    ? forbiddenProblem(frontend, fitted.forbidden)
    : undefined
}

function forbiddenProblem(frontend: Frontend, forbidden: readonly Target[]): Problem {
  const some = forbidden.slice(0, 3).map(({ address }) => address)
  const more = forbidden.length > some.length ? ` and ${forbidden.length - some.length} more` : ''
  const message = `${frontendKey(frontend)} leads to ${some.join(', ')}${more}: on the proxy itself, or reached by nobody`
  const remedy = "Correct the targets, or allow them by `targets.allow` in the proxy's edge.yaml"
  return { code: 'TargetRefused', kind: 'terminal', message, remedy }
}
