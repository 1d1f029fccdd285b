import type { Plan, Sibling } from '../model/driver.ts'
import { hostsOverlap } from '../model/hosts.ts'
import type { Problem } from '../model/problems.ts'
import { hashText } from '../model/rendezvous.ts'
import { type FrontendKey, frontendKey, socketKey, splitKey, type Table } from '../model/table.ts'
import { keysThere } from './diff.ts'

export interface GuardLimits {
  /** Share of the live frontends, 0 to 1, that may go without evidence. */
  readonly maxRemoval: number
  /** Where fewer are live, one of them is a large share: then Services may lose any of them but all. */
  readonly minFrontends: number
}

/** Tells the frontends that Services in the cluster account for. */
export type Accounted = Pick<ReadonlySet<FrontendKey>, 'has'>

export interface Guarded {
  readonly plan: Plan
  /** Set when removals were held back. */
  readonly problem: Problem | undefined
}

/**
 * Holds back removals that look like a broken view. `accounted` are the frontends that Services in the cluster account for: their removal is
 * somebody's wish. So is the removal of what the table itself puts something else in the place of. The others are merely absent; more of them than
 * the limit allows stay on the proxy until a person says the word for exactly these, which is then in `confirmed`. Strays are judged by the same
 * limit, as a share of all that is there.
 */
export function guardRemovals(
  plan: Plan,
  accounted: Accounted,
  limits: GuardLimits,
  proxy: string,
  confirmed: ReadonlySet<string> = NO_WORDS,
): Guarded {
  const { observed, changes, strays } = plan
  if (strays.length === 0 && changes.every(({ kind }) => kind !== 'remove')) return { plan, problem: undefined }
  const isExplained = explain(plan.table, accounted)
  const absent = new Set(changes.flatMap(({ kind, key }) => (kind === 'remove' && !isExplained(key) ? key : [])))
  const orphans = new Set(strays.filter(({ key }) => !isExplained(key)))
  const there = keysThere(observed)
  const live = there.size
  const holdsAbsent = isTooMany(absent.size, live, limits) || (absent.size > 0 && empties(plan.table, there, limits))
  const holdsOrphans = isTooMany(orphans.size, live + strays.length, limits)
  if (!holdsAbsent && !holdsOrphans) return { plan, problem: undefined }
  const word = wordFor([
    ...(holdsAbsent ? absent : []),
    ...(holdsOrphans ? [...orphans].map(({ className, key }) => `${className} ${key}`) : []),
  ])
  if (confirmed.has(word)) return { plan, problem: undefined }
  return {
    plan: {
      ...plan,
      changes: holdsAbsent ? changes.filter(({ key }) => !absent.has(key)) : changes,
      keep: holdsAbsent ? plan.keep.union(absent) : plan.keep,
      strays: holdsOrphans ? strays.filter((one) => !orphans.has(one)) : strays,
    },
    problem: removalHeld(
      [
        ...(holdsAbsent ? [sayAbsent(absent.size, live, proxy)] : []),
        ...(holdsOrphans ? [sayOrphans([...orphans], proxy)] : []),
      ],
      word,
    ),
  }
}

const NO_WORDS: ReadonlySet<string> = new Set()

function isTooMany(going: number, live: number, { maxRemoval, minFrontends }: GuardLimits): boolean {
  return live >= minFrontends && going > live * maxRemoval
}

/** Whether no Service keeps anything of what is there. A broken view takes all away at once, however little it is; what the configuration asks for stays. */
function empties({ frontends }: Table, there: ReadonlySet<FrontendKey>, { maxRemoval }: GuardLimits): boolean {
  return maxRemoval < 1 && !frontends.some((one) => one.service !== undefined && there.has(frontendKey(one)))
}

/** What a person says to let go of exactly these: where one more or one less is to go, the word is another. */
function wordFor(keys: readonly string[]): string {
  return hashText(keys.toSorted().join('\n')).toString(16).padStart(8, '0')
}

/** Tells removals that somebody wished for. Where hosts change, a frontend has another key and yet the same clients. */
function explain(table: Table, accounted: Accounted): (key: FrontendKey) => boolean {
  let sockets: ReadonlyMap<string, readonly { readonly hosts: readonly string[] }[]> | undefined
  return (key) => {
    if (accounted.has(key)) return true
    sockets ??= Map.groupBy(table.frontends, socketKey)
    const { socket, hosts } = splitKey(key)
    return sockets.get(socket)?.some((wanted) => hostsOverlap(wanted.hosts, hosts)) === true
  }
}

function sayAbsent(count: number, live: number, proxy: string): string {
  return `${count} of ${live} frontends on proxy ${proxy} have no Service any more, though none was seen to be deleted; they are kept`
}

function sayOrphans(orphans: readonly Sibling[], proxy: string): string {
  const classes = [...new Set(orphans.map(({ className }) => className))].toSorted()
  return `${orphans.length} frontends on proxy ${proxy} are left from class ${classes.join(', ')}, and no Service accounts for them; they are kept`
}

function removalHeld(what: readonly string[], word: string): Problem {
  return {
    code: 'RemovalHeld',
    kind: 'terminal',
    message: what.join(', and '),
    remedy: `Check that the operator sees the right cluster; if all of that is meant to go, run "fairway confirm ${word}"`,
  }
}
