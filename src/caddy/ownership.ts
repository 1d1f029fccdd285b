import { adoptRemedy } from '../model/adoption.ts'
import { fieldOf } from '../model/json.ts'
import type { Problem } from '../model/problems.ts'
import { FairwayError } from '../model/problems.ts'
import { isNameOf, parseServerKey, type ServerName } from '../model/server-names.ts'
import type { Owner } from '../model/table.ts'
import { parseServerId } from './names.ts'

/** Who asks whose a server is. */
export interface Ours {
  /** The proxy's name, for messages. */
  readonly proxy: string
  readonly owner: Owner
  /** What to do about servers of another UID; absent: `fairway adopt`. */
  readonly remedy?: string
}

/** Ours, and the name that says for which socket; or of another class of our cluster. */
export interface Ownership {
  readonly whose: 'ours' | 'sibling'
  readonly name: ServerName
}

/** A server of ours by its name, and of another cluster by its mark. */
export interface CopiedServer {
  readonly whose: 'copied'
  readonly name: ServerName
  /** Of the other cluster. */
  readonly uid: string
}

/**
 * Whose a server is; undefined: somebody's.
 *
 * | key              | `@id`                         | it is                       |
 * | ---------------- | ----------------------------- | --------------------------- |
 * | ours             | ours                          | ours                        |
 * | ours             | ours, but of another UID      | of a copied configuration   |
 * | ours             | missing or anything else      | ours by name, edited        |
 * | anything else    | ours, with our UID            | ours, renamed: the `@id` must be free for us |
 * | anything else    | of another class, our UID     | a sibling's                 |
 * | anything else    | anything else                 | somebody's                  |
 */
export function findOwnership(owner: Owner, key: string, json: unknown): Ownership | CopiedServer | undefined {
  const name = parseServerKey(key)
  const id = parseServerId(fieldOf(json, '@id'))
  const idIsOurs = id !== undefined && isNameOf(owner, id.name)
  if (name !== undefined && isNameOf(owner, name)) {
    return idIsOurs && id.uid !== owner.uid ? { whose: 'copied', name, uid: id.uid } : { whose: 'ours', name }
  }
  if (id === undefined || id.uid !== owner.uid) return undefined
  if (idIsOurs) return { whose: 'ours', name: id.name }
  return id.name.cluster === owner.cluster ? { whose: 'sibling', name: id.name } : undefined
}

/** The same where a copied configuration is none to work on: it throws OwnerConflict. */
export function readOwnership(ours: Ours, key: string, json: unknown): Ownership | undefined {
  const found = findOwnership(ours.owner, key, json)
  if (found?.whose === 'copied') throw new FairwayError(conflict(ours, key, found.uid))
  return found
}

function conflict({ proxy, owner, remedy }: Ours, key: string, uid: string): Problem {
  const name = `${owner.cluster}/${owner.className}`
  return {
    code: 'OwnerConflict',
    kind: 'terminal',
    message: `server ${key} on proxy ${proxy} belongs to another cluster that also calls itself ${name} (UID ${uid}, ours is ${owner.uid})`,
    remedy: remedy ?? adoptRemedy(owner, uid, proxy),
  }
}
