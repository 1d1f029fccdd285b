import { createHash } from 'node:crypto'
import { LABEL } from '../model/names.ts'
import type { Problem } from '../model/problems.ts'
import type { Frontend } from '../model/table.ts'

/** Whose a table is: two DNS labels, `cluster/class`, compared whole. */
export type OwnerName = string

export interface OwnerParts {
  readonly cluster: string
  readonly className: string
}

/** What a credential is good for: one table, or with `*` all of a cluster. */
export type Scope = string

/** Reads `cluster/class`; undefined for anything else. */
export function parseOwner(text: string): OwnerParts | undefined {
  const [cluster = '', className = '', ...rest] = text.split('/')
  return rest.length === 0 && LABEL.test(cluster) && LABEL.test(className) ? { cluster, className } : undefined
}

export function ownerName({ cluster, className }: OwnerParts): OwnerName {
  return `${cluster}/${className}`
}

/** Whether a credential may read and change a table. */
export function covers(scope: Scope, { cluster, className }: OwnerParts): boolean {
  return scope === `${cluster}/${className}` || scope === `${cluster}/*`
}

/** Whether a credential is for a cluster, or for a class of it. */
export function coversCluster(scope: Scope, cluster: string): boolean {
  return scope.startsWith(`${cluster}/`)
}

/** In place of the cluster: frontends of the edge's own configuration. No label begins like that. */
const FIXED = '_fixed'

/** In place of the cluster: what calls have asked for (`webhook/NAME`). A label, so that whoever is a cluster has to be kept from it. */
export const CALLS = 'webhook'

/** Why no cluster may have the name of `webhook/NAME`; undefined for any other name. */
export function findReserved(cluster: string): Pick<Problem, 'message' | 'remedy'> | undefined {
  if (cluster !== CALLS) return undefined
  const message = `a cluster cannot be named "${CALLS}" on an edge: what calls of poor-mans-k8s-lb ask for is under that name`
  return { message, remedy: 'Give the cluster another name' }
}

/** The owner of a fixed frontend, by its name: `_fixed/kube-apiserver`. */
export function fixedOwner(name: string): OwnerParts {
  return { cluster: FIXED, className: name }
}

/** The name of a fixed frontend; undefined for the owner of a table. */
export function fixedName(owner: OwnerName): string | undefined {
  return owner.startsWith(`${FIXED}/`) ? owner.slice(FIXED.length + 1) : undefined
}

export function isFixed({ cluster }: OwnerParts): boolean {
  return cluster === FIXED
}

/** Who a socket is held by: all fixed frontends are the administrator's. */
export function holderOf(owner: OwnerParts): string {
  return isFixed(owner) ? FIXED : ownerName(owner)
}

/** What people are told of an owner. */
export function describeOwner(owner: OwnerParts): string {
  return isFixed(owner) ? `frontend ${owner.className} of the proxy's own configuration` : ownerName(owner)
}

/**
 * The id of a frontend on this machine, as BoundFrontend wants it. Labels hold no dots and no `_`, so it can be read in one way only, and whoever looks
 * for the address finds it.
 */
export function boundId({ cluster, className }: OwnerParts, frontend: Frontend): string {
  const { address, port, protocol, hosts } = frontend
  const words = [cluster, className, protocol.toLowerCase(), address.replaceAll(':', '_'), port]
  return [...words, ...(hosts.length === 0 ? [] : [digest(hosts.join(','), 8)])].join('.')
}

/** The id of a group on this machine. What its owner calls it may be long, and holds label selectors. */
export function boundGroupId({ cluster, className }: OwnerParts, group: string): string {
  return [cluster, className, digest(group, 16)].join('.')
}

function digest(text: string, length: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length)
}
