import { serviceName } from '../model/table.ts'
import type { Demand } from './demand.ts'

/** Who holds what on which address, while one allocation runs. Claims are only ever added. */
export interface Ledger {
  /** The Service that holds a port of an address, unless it is the asking one. */
  holder(address: string, port: string, asking: Demand): Demand | undefined
  /** A Service on the address that does not agree to share it with the asking one. */
  objector(address: string, asking: Demand): Demand | undefined
  claim(address: string, ports: readonly string[], demand: Demand): void
}

export function createLedger(): Ledger {
  const ports = new Map<string, Demand>()
  const users = new Map<string, Map<string, Demand>>()
  return {
    holder: (address, port, asking) => {
      const found = ports.get(`${address} ${port}`)
      return found?.service.metadata.uid === asking.service.metadata.uid ? undefined : found
    },
    objector: (address, asking) => {
      for (const [uid, user] of users.get(address) ?? []) {
        if (uid !== asking.service.metadata.uid && !canShare(user, asking)) return user
      }
      return undefined
    },
    claim: (address, texts, demand) => {
      for (const text of texts) ports.set(`${address} ${text}`, demand)
      const known = users.get(address) ?? new Map<string, Demand>()
      users.set(address, known.set(demand.service.metadata.uid, demand))
    },
  }
}

/** Both sides must agree. */
function canShare(a: Demand, b: Demand): boolean {
  if (a.sharing === 'dedicated' || b.sharing === 'dedicated') return false
  const sameNamespace = a.service.metadata.namespace === b.service.metadata.namespace
  return sameNamespace || (a.sharing === 'any' && b.sharing === 'any')
}

/** `team-a/web`, for messages. */
export function nameOf(demand: Demand): string {
  return serviceName(demand.service.metadata)
}
