import type { Problem } from '../model/problems.ts'
import { type Frontend, serviceName, socketKey } from '../model/table.ts'
import type { Claim, ClaimId } from './claims.ts'
import { describeOwner, holderOf, isFixed, type OwnerName, type OwnerParts } from './owners.ts'
import type { Budgets } from './quota.ts'
import { createHoldings, type Holding, socketText } from './sockets.ts'

/** A frontend that has its socket. */
export interface Grant extends Holding {
  readonly owner: OwnerParts
  readonly frontend: Frontend
  /** Other owners that ask for the same socket. */
  readonly claimants: Set<OwnerName>
}

export interface Grants {
  readonly grants: readonly Grant[]
  /** Claims that hold anything, then those that wait. */
  readonly order: readonly ClaimId[]
}

/**
 * Gives sockets to claims, first come first served, as far as `budgets` go. What is not given is handed to `refuse`; a claim that nobody could
 * have does not wait either.
 */
export function grantSockets(
  claims: readonly Claim[],
  budgets: Budgets,
  refuse: (owner: OwnerParts, frontend: Frontend, problem: Problem) => void,
): Grants {
  const holdings = createHoldings<Grant>()
  const grants: Grant[] = []
  const grantOne = ({ owner, socket }: Claim, frontend: Frontend): boolean => {
    const holder = holderOf(owner)
    const grant = { holder, owner, socket, hosts: frontend.hosts, frontend, claimants: new Set<OwnerName>() }
    const rival = holdings.findRival(grant)
    if (rival !== undefined) {
      if (rival.holder !== holder) rival.claimants.add(holder)
      refuse(owner, frontend, takenProblem(grant, rival))
      return false
    }
    const problem = budgets.spend(owner, frontend)
    if (problem !== undefined) {
      refuse(owner, frontend, problem)
      return false
    }
    holdings.add(grant)
    grants.push(grant)
    return true
  }
  const orders = { held: new Array<ClaimId>(), waiting: new Array<ClaimId>() }
  for (const claim of claims) {
    if (claim.bar !== undefined) {
      for (const frontend of claim.frontends) refuse(claim.owner, frontend, claim.bar)
      continue
    }
    const holds = claim.frontends.map((frontend) => grantOne(claim, frontend)).includes(true)
    if (!isFixed(claim.owner)) orders[holds ? 'held' : 'waiting'].push(claim.id)
  }
  return { grants, order: [...orders.held, ...orders.waiting] }
}

function takenProblem(wanted: Grant, rival: Grant): Problem {
  const key = socketKey(wanted.frontend)
  const same = wanted.holder === rival.holder
  const shared = same && wanted.socket.address === rival.socket.address
  const bound = socketText(wanted.socket)
  const where = bound === key ? key : `${key}, which is bound as ${bound},`
  // Within a cluster people may know each other's Services.
  const service =
    wanted.owner.cluster === rival.owner.cluster && rival.frontend.service !== undefined
      ? ` (Service ${serviceName(rival.frontend.service)})`
      : ''
  if (shared && rival.hosts.length > 0 && wanted.hosts.length > 0) {
    const message = `a host of ${wanted.hosts.join(', ')} on ${where} is taken by ${describeOwner(rival.owner)}${service}`
    return { code: 'HostTaken', kind: 'terminal', message, remedy: 'Use other hosts, or another port or address' }
  }
  const message = `${where} is held by ${describeOwner(rival.owner)}${service}`
  const remedy = 'Use another port or address, or have the holder give it up'
  return { code: 'PortTaken', kind: 'terminal', message, remedy }
}

/** What the holder of a socket is told of those who want it too. */
export function claimantsProblem({ frontend, claimants }: Grant): Problem {
  const names = [...claimants].toSorted()
  const others = names.length > 3 ? [...names.slice(0, 3), `${names.length - 3} more`] : names
  const message = `${socketKey(frontend)} is asked for by ${others.join(', ')} too`
  return { code: 'PortTaken', kind: 'terminal', message, remedy: 'Agree on who uses it; it stays as it is until then' }
}
