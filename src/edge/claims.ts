import type { Problem } from '../model/problems.ts'
import { compareText, type Frontend, socketKey, type Table } from '../model/table.ts'
import { isFixed, type OwnerParts, ownerName } from './owners.ts'
import { bindAddress, findBar, type Rules } from './rules.ts'
import type { Socket } from './sockets.ts'

/** `prod-a/public tcp/203.0.113.10:443`: that an owner asks for a socket. */
export type ClaimId = string

/** All frontends of one owner on one published socket. */
export interface Claim {
  readonly id: ClaimId
  readonly owner: OwnerParts
  /** What is bound for it. */
  readonly socket: Socket
  /** Sorted by key. */
  readonly frontends: readonly Frontend[]
  /** Why nobody may have this socket. */
  readonly bar: Problem | undefined
}

/** What a table asks for. What the administrator has configured is not held against the administrator's own rules. */
export function claimsOf(owner: OwnerParts, table: Table, rules: Rules): readonly Claim[] {
  return [...Map.groupBy(table.frontends, socketKey)].flatMap(([key, frontends]) => {
    const [first] = frontends
    if (first === undefined) return []
    const { protocol, port } = first
    const socket = { protocol, port, address: bindAddress(rules, first.address) }
    const bar = isFixed(owner) ? undefined : findBar(rules, first)
    return [{ id: `${ownerName(owner)} ${key}`, owner, socket, frontends, bar }]
  })
}

/** Claims in the order that is known, new ones behind them by their ids. Nearly all are known, so those are put in their places and not compared. */
export function inOrder(claims: readonly Claim[], order: readonly ClaimId[]): readonly Claim[] {
  const places = new Map(order.map((id, place) => [id, place]))
  const known: (Claim | undefined)[] = order.map(() => undefined)
  const fresh: Claim[] = []
  for (const claim of claims) {
    const place = places.get(claim.id)
    if (place === undefined) fresh.push(claim)
    else known[place] = claim
  }
  return [...known.filter((claim) => claim !== undefined), ...fresh.toSorted((a, b) => compareText(a.id, b.id))]
}
