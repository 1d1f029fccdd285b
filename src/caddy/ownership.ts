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
}

/** Ours, and the name that says for which socket; or of another class of our cluster. */
export interface Ownership {
  readonly whose: 'ours' | 'sibling'
  readonly name: ServerName
}

/**
 * Whose a server is; undefined: somebody's.
 *
 * | key              | `@id`                         | it is                                             |
 * | ---------------- | ----------------------------- | ------------------------------------------------- |
 * | ours             | ours, same key                | ours                                              |
 * | ours             | ours, but of another UID      | a copied configuration: the whole read is refused |
 * | ours             | missing or anything else      | ours by name, edited                              |
 * | anything else    | ours, with our UID            | ours, renamed: the `@id` must be free for us      |
 * | anything else    | of another class, our UID     | a sibling's                                       |
 * | anything else    | anything else                 | somebody's                                        |
 */
export function readOwnership(ours: Ours, key: string, json: unknown): Ownership | undefined {
  const { owner } = ours
  const name = parseServerKey(key)
  const id = parseServerId(fieldOf(json, '@id'))
  const idIsOurs = id !== undefined && isNameOf(owner, id.name)
  if (name !== undefined && isNameOf(owner, name)) {
    if (idIsOurs && id.uid !== owner.uid) throw new FairwayError(conflict(ours, key, id.uid))
    return { whose: 'ours', name }
  }
  if (id === undefined || id.uid !== owner.uid) return undefined
  if (idIsOurs) return { whose: 'ours', name: id.name }
  return id.name.cluster === owner.cluster ? { whose: 'sibling', name: id.name } : undefined
}

function conflict({ proxy, owner }: Ours, key: string, uid: string): Problem {
  const name = `${owner.cluster}/${owner.className}`
  return {
    code: 'OwnerConflict',
    kind: 'terminal',
    message: `server ${key} on proxy ${proxy} belongs to another cluster that also calls itself ${name} (UID ${uid}, ours is ${owner.uid})`,
    remedy: `Give each cluster a name of its own; if this cluster replaces the other one, delete the servers fairway.${owner.cluster}.${owner.className}.* on the proxy`,
  }
}
