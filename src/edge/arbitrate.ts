import type { Problem } from '../model/problems.ts'
import { compareText, type Frontend, frontendKey, type Table, type Target, type TargetGroup } from '../model/table.ts'
import { type Claim, type ClaimId, claimsOf, inOrder } from './claims.ts'
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
 *
 * `bind` may remember what it made for the arbitration before: frontends that are the same objects are bound as the same objects then.
 */
export function arbitrate(input: ArbitrationInput, bind: Binder = createBinder()): Arbitration {
  const { fixed, tables, rules } = input
  const refused = createRemarks()
  const notices = createRemarks()
  const groups = new Map(
    [...fixed, ...tables].map(({ owner, table }) => [ownerName(owner), fitTargets(owner, table.groups, rules)]),
  )
  const fittedOf = (owner: OwnerParts, group: string) => groups.get(ownerName(owner))?.get(group)
  const budgets = createBudgets(rules.quota, (owner, group) => fittedOf(owner, group)?.group.targets.length ?? 0)
  const given = grantSockets(claimsOfAll(input), budgets, refused.add)
  const bound = new Map<string, Bound>()
  for (const grant of given.grants) {
    const { owner, frontend } = grant
    const fitted = fittedOf(owner, frontend.group)
    if (fitted === undefined) continue
    const { one, origin } = bind(grant, fitted.group.id)
    const problem = findTrouble(frontend, fitted, bound.has(one.id))
    if (problem !== undefined) {
      refused.add(owner, frontend, problem)
      continue
    }
    bound.set(one.id, { one, origin, group: fitted.group })
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

function claimsOfAll({ fixed, tables, order, rules }: ArbitrationInput): readonly Claim[] {
  const claims = (list: readonly OwnedTable[]) => list.flatMap(({ owner, table }) => claimsOf(owner, table, rules))
  return [...inOrder(claims(fixed), []), ...inOrder(claims(tables), order)]
}

interface Binding {
  readonly one: BoundFrontend
  readonly origin: Origin
}

interface Bound extends Binding {
  readonly group: TargetGroup
}

/** Binds a frontend that has its socket, and leads to a group of this machine. */
export type Binder = (grant: Pick<Grant, 'owner' | 'frontend' | 'socket'>, group: string) => Binding

/** Makes a binder that remembers a frontend for as long as it is the same object. */
export function createBinder(): Binder {
  const bindings = new WeakMap<Frontend, Binding>()
  return ({ owner, frontend, socket: { address } }, group) => {
    const known = bindings.get(frontend)
    // The id of a group names its owner.
    if (known?.one.bindAddress === address && known.one.frontend.group === group) return known
    const made = {
      one: { id: boundId(owner, frontend), frontend: { ...frontend, group }, bindAddress: address },
      origin: { owner: ownerName(owner), key: frontendKey(frontend) },
    }
    bindings.set(frontend, made)
    return made
  }
}

function groupsOf(bound: readonly Bound[]): EngineState['groups'] {
  const groups = new Map(bound.map(({ group }) => [group.id, group]))
  return new Map([...groups].toSorted(([a], [b]) => compareText(a, b)))
}

/** Why a frontend that has its socket cannot be served all the same. It keeps the socket. */
function findTrouble(frontend: Frontend, fitted: FittedGroup, named: boolean): Problem | undefined {
  if (named) {
    const message = `${frontendKey(frontend)} cannot be told apart from another frontend on its socket`
    return { code: 'HostTaken', kind: 'terminal', message, remedy: 'Use other hosts' }
  }
  return fitted.forbidden.length > 0 && fitted.group.targets.length === 0
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
