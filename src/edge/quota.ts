import type { Problem } from '../model/problems.ts'
import { type Frontend, socketKey } from '../model/table.ts'
import { isFixed, type OwnerName, type OwnerParts, ownerName } from './owners.ts'

/** Most that one owner may have served. What takes more takes time and memory of all. */
export interface Quota {
  readonly frontends: number
  /** Hosts and source ranges of all frontends together. */
  readonly entries: number
  /** Of all groups together that frontends lead to, each group once. */
  readonly targets: number
}

export interface Budgets {
  /** Counts a frontend in, or says why it is too much, and leaves room for smaller ones then. */
  spend(owner: OwnerParts, frontend: Frontend): Problem | undefined
}

/** Counted up, and not made anew for each of thousands of frontends. */
interface Spent {
  frontends: number
  entries: number
  targets: number
  readonly groups: Set<string>
}

/** In the order in which they are told, and in people's words. */
const KINDS = [
  ['frontends', 'frontends'],
  ['entries', 'hosts and source ranges'],
  ['targets', 'targets'],
] as const

/** What each owner has of its quota. `sizeOf` is how many targets a group has. The administrator has no quota. */
export function createBudgets(quota: Quota, sizeOf: (owner: OwnerParts, group: string) => number): Budgets {
  const spent = new Map<OwnerName, Spent>()
  return {
    spend: (owner, frontend) => {
      if (isFixed(owner)) return undefined
      const name = ownerName(owner)
      const known = spent.get(name) ?? { frontends: 0, entries: 0, targets: 0, groups: new Set<string>() }
      const { group, hosts, sourceRanges } = frontend
      const frontends = known.frontends + 1
      const entries = known.entries + hosts.length + sourceRanges.length
      const targets = known.targets + (known.groups.has(group) ? 0 : sizeOf(owner, group))
      if (frontends > quota.frontends || entries > quota.entries || targets > quota.targets) {
        const over = KINDS.find(([kind]) => ({ frontends, entries, targets })[kind] > quota[kind])
        if (over !== undefined) return quotaProblem(frontend, name, over, quota)
      }
      Object.assign(known, { frontends, entries, targets })
      known.groups.add(group)
      spent.set(name, known)
      return undefined
    },
  }
}

function quotaProblem(
  frontend: Frontend,
  name: OwnerName,
  [kind, words]: (typeof KINDS)[number],
  quota: Quota,
): Problem {
  const message = `${socketKey(frontend)} is more than the ${quota[kind]} ${words} that ${name} may have on this proxy`
  const remedy = `Give up other ${words}, or raise \`limits.${kind}\` in the proxy's edge.yaml`
  return { code: 'QuotaExceeded', kind: 'terminal', message, remedy }
}
