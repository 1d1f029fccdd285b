import type { Problem } from './problems.ts'
import type { Owner } from './table.ts'

/** What on a proxy bears the name of our cluster and class, by the UID that it is marked with. */
export interface Holding {
  /** Of the cluster: its kube-system namespace. */
  readonly uid: string
  readonly frontends: number
  /** When it was written last, as an ISO date; undefined: the proxy does not keep that. */
  readonly writtenAt: string | undefined
}

/** What adopting comes to on one proxy. */
export type Adoption =
  /** All that is there is ours, or nothing is. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'adopt'; readonly holding: Holding }
  | { readonly kind: 'refuse'; readonly problem: Problem }

/** What is held under our name by other UIDs than ours. */
export function heldByOthers(holdings: readonly Holding[], { uid }: Pick<Owner, 'uid'>): readonly Holding[] {
  return holdings.filter((one) => one.uid !== uid)
}

/** Decides whether what a proxy holds is to be taken over from the cluster with the UID `from`: never from one that was not named. */
export function decideAdoption(holdings: readonly Holding[], owner: Owner, proxy: string, from: string): Adoption {
  const others = heldByOthers(holdings, owner)
  if (others.length === 0) return { kind: 'nothing' }
  const holding = others.find(({ uid }) => uid === from)
  return holding === undefined
    ? { kind: 'refuse', problem: heldByStranger(others, owner, proxy, from) }
    : { kind: 'adopt', holding }
}

function heldByStranger(others: readonly Holding[], owner: Owner, proxy: string, from: string): Problem {
  const uids = others.map(({ uid }) => uid).join(', ')
  const [first] = others
  return {
    code: 'OwnerConflict',
    kind: 'terminal',
    message: `what is named ${owner.cluster}/${owner.className} on proxy ${proxy} is held by the cluster with UID ${uids}, not by ${from}`,
    remedy: `Name the cluster that this one replaces: "${adoptCommand(owner, first?.uid ?? '', proxy)}"`,
  }
}

/** What to do about entries that bear our name and another cluster's UID. `proxy`: its name in our configuration, where that is known. */
export function adoptRemedy(owner: Pick<Owner, 'className'>, uid: string, proxy?: string): string {
  return `Give each cluster a name of its own; if this cluster replaces the other one, run "${adoptCommand(owner, uid, proxy)}"`
}

function adoptCommand({ className }: Pick<Owner, 'className'>, uid: string, proxy: string | undefined): string {
  const where = proxy === undefined ? '' : ` --proxy ${proxy}`
  return `fairway adopt --class ${className}${where} --from ${uid}`
}
