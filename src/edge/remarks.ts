import type { Refusal } from '../model/driver.ts'
import type { Problem } from '../model/problems.ts'
import { compareText, type Frontend, type FrontendKey, frontendKey } from '../model/table.ts'
import { type OwnerName, type OwnerParts, ownerName } from './owners.ts'

/** What owners are told of their frontends, in the order of their keys. */
export type Remarks = ReadonlyMap<OwnerName, readonly Refusal[]>

export interface RemarkBook {
  readonly add: (owner: OwnerParts, frontend: Frontend, problem: Problem) => void
  readonly all: () => Remarks
}

export function createRemarks(): RemarkBook {
  const remarks = new Map<OwnerName, Refusal[]>()
  return {
    add: (owner, frontend, problem) => {
      const name = ownerName(owner)
      const list = remarks.get(name) ?? []
      if (list.length === 0) remarks.set(name, list)
      list.push({ key: frontendKey(frontend), problem })
    },
    all: () => new Map([...remarks].map(([name, list]) => [name, list.toSorted((a, b) => compareText(a.key, b.key))])),
  }
}

export interface LateProblem {
  readonly owner: OwnerName
  readonly key: FrontendKey
  readonly problem: Problem
}

/** Adds what was found out after arbitration. Whoever is refused has no use for notices. */
export function mergeRemarks(
  refused: Remarks,
  notices: Remarks,
  late: readonly LateProblem[],
): { readonly refused: Remarks; readonly notices: Remarks } {
  if (late.length === 0) return { refused, notices }
  const byOwner = Map.groupBy(late, ({ owner }) => owner)
  const merged = new Map(refused)
  for (const [owner, problems] of byOwner) {
    const list = [...(refused.get(owner) ?? []), ...problems.map(({ key, problem }) => ({ key, problem }))]
    merged.set(
      owner,
      list.toSorted((a, b) => compareText(a.key, b.key)),
    )
  }
  const isLate = (owner: OwnerName, key: FrontendKey) => byOwner.get(owner)?.some((one) => one.key === key) === true
  const rest = [...notices].map(([owner, list]) => [owner, list.filter(({ key }) => !isLate(owner, key))] as const)
  return { refused: merged, notices: new Map(rest) }
}
