import { isPort } from '../model/address.ts'
import type { Listener } from '../model/driver.ts'
import type { Frontend, HealthCheck } from '../model/table.ts'

/** Where an old frontend leads. */
export interface OldTarget {
  readonly address: string
  readonly port: number
}

/** What one old frontend is set to, as ours are. */
export type OldSettings = Pick<Frontend, 'proxyProtocol' | 'balance' | 'idleTimeoutMs' | 'maxConnections' | 'hosts'> & {
  readonly healthCheck: HealthCheck | undefined
}

/** One socket of an old configuration, or one of several that TLS names tell apart on it. */
export interface OldFrontend extends OldSettings {
  /** Where it is written: `haproxy.cfg:12`, `apps.layer4.servers.port80`. */
  readonly at: string
  readonly protocol: Frontend['protocol']
  /** That is bound: canonical, or a wildcard: `0.0.0.0`, `::`, or `*` for both families. */
  readonly address: string
  readonly port: number
  /** At least one, sorted. */
  readonly targets: readonly OldTarget[]
  readonly sourceRanges: readonly string[]
}

/** What of an old configuration is not carried over as it was, and what to do about it. */
export interface Remark {
  readonly at: string
  readonly text: string
}

export interface OldConfig {
  readonly frontends: readonly OldFrontend[]
  readonly remarks: readonly Remark[]
}

/** More ports than this in one range are hardly Services. */
const MOST_PORTS = 256

/** Whether each port of a range becomes a frontend of its own. */
export function isCarriedRange({ firstPort, lastPort }: Pick<Listener, 'firstPort' | 'lastPort'>): boolean {
  const more = lastPort - firstPort
  return isPort(firstPort) && isPort(lastPort) && more >= 0 && more < MOST_PORTS
}

/** Collects remarks, each once. */
export function createRemarks(): {
  readonly add: (at: string, text: string) => void
  readonly all: () => readonly Remark[]
} {
  const remarks = new Map<string, Remark>()
  return {
    add: (at, text) => void remarks.set(`${at} ${text}`, { at, text }),
    all: () => [...remarks.values()],
  }
}

export type Remarks = ReturnType<typeof createRemarks>
