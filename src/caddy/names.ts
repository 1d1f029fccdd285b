import { parseServerKey, type ServerName, UID } from '../model/server-names.ts'
import type { Owner } from '../model/table.ts'

/** The `@id` of a server: its key and the cluster's UID, which tells a copied configuration from the original. */
export function serverId(owner: Pick<Owner, 'uid'>, key: string): string {
  return `${key}.${owner.uid}`
}

/** Reads an `@id` as `serverId` writes it. */
export function parseServerId(
  id: unknown,
): { readonly key: string; readonly name: ServerName; readonly uid: string } | undefined {
  if (typeof id !== 'string') return undefined
  const dot = id.lastIndexOf('.')
  const key = id.slice(0, Math.max(dot, 0))
  const uid = id.slice(dot + 1)
  const name = parseServerKey(key)
  return name !== undefined && UID.test(uid) ? { key, name, uid } : undefined
}
