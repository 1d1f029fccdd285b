import { canonicalAddress } from '../../model/address.ts'
import type { Change, Plan } from '../../model/driver.ts'
import type { FrontendKey } from '../../model/table.ts'
import type { Assigned } from './assign.ts'

/** What a key names that a script can have opened: TCP on an IPv4 address, without names. Undefined: none of its ports. */
export function readKey(key: FrontendKey): { readonly address: string; readonly port: number } | undefined {
  const [, address = '', port] = /^tcp\/([0-9.]+):(\d{1,5})$/.exec(key) ?? []
  return port !== undefined && canonicalAddress(address) === address ? { address, port: Number(port) } : undefined
}

/**
 * The ports that are to be closed, each with the frontends that had it: what leaves the table, and what has no targets. A port that another frontend of the
 * table has, as after a Service has changed its address, is only led elsewhere. What is refused stays as it is, and so does what was opened before a
 * restart of ours and has no targets now: to see none may be a broken view.
 */
export function portsToClose(
  { changes, observed }: Pick<Plan, 'changes' | 'observed'>,
  { calls, refused }: Assigned,
  holders: ReadonlyMap<number, FrontendKey>,
): ReadonlyMap<number, readonly FrontendKey[]> {
  const isLeaving = ({ kind, key }: Change) => kind === 'remove' || (kind === 'update' && observed.drifted.has(key))
  const leaving = changes.filter(isLeaving).map(({ key }) => key)
  const denied = new Set(refused.map(({ key }) => key))
  const keys = [...new Set([...leaving, ...holders.values()])].filter((key) => !denied.has(key))
  const ports = Map.groupBy(keys, (key) => readKey(key)?.port)
  return new Map(
    [...ports].flatMap(([port, some]) => (port === undefined || calls.has(port) ? [] : [[port, some] as const])),
  )
}
