import type { Capabilities, Driver, Listener, Observed, Refusal } from '../../src/model/driver.ts'
import { FairwayError, type Problem } from '../../src/model/problems.ts'
import {
  EMPTY_TABLE,
  type FrontendKey,
  frontendKey,
  makeTable,
  type Table,
  withoutFrontends,
} from '../../src/model/table.ts'

const ALL: Capabilities = {
  protocols: ['TCP', 'UDP'],
  proxyProtocol: { TCP: ['off', 'v1', 'v2'], UDP: ['off', 'v2'] },
  balance: ['round-robin', 'source', 'random'],
  healthCheck: ['off', 'tcp'],
  sourceRanges: true,
  hosts: false,
  maxConnections: false,
  idleTimeout: ['UDP'],
}

/** A proxy in memory, with switches for what can go wrong. It keeps a table as a real driver would and counts the writes. */
export interface MemoryProxy {
  readonly driver: Driver
  table: Table
  drifted: ReadonlySet<FrontendKey>
  listeners: readonly Listener[]
  writes: number
  /** Thrown by the next calls, as long as it is set. */
  broken: Problem | undefined
  /** Frontends that it refuses. */
  refuses: ReadonlyMap<FrontendKey, Problem>
  /** So many next writes lose against another writer. */
  races: number
}

export function createMemoryProxy(capabilities: Capabilities = ALL): MemoryProxy {
  const read = async (): Promise<Observed> => {
    fail(proxy)
    return { revision: String(proxy.writes), table: proxy.table, drifted: proxy.drifted, listeners: proxy.listeners }
  }
  const proxy: MemoryProxy = {
    table: EMPTY_TABLE,
    drifted: new Set(),
    listeners: [],
    writes: 0,
    broken: undefined,
    refuses: new Map(),
    races: 0,
    driver: {
      capabilities,
      read,
      apply: async (plan) => {
        fail(proxy)
        if (proxy.races > 0) {
          proxy.races--
          throw new FairwayError({ code: 'RevisionConflict', kind: 'transient', message: 'raced', remedy: 'wait' })
        }
        const refused: Refusal[] = plan.table.frontends.flatMap((frontend) => {
          const problem = proxy.refuses.get(frontendKey(frontend))
          return problem === undefined ? [] : { key: frontendKey(frontend), problem }
        })
        const keys = new Set(refused.map(({ key }) => key))
        // What it served before it refused the change goes on.
        const kept = proxy.table.frontends.filter(
          (frontend) => keys.has(frontendKey(frontend)) || plan.keep.has(frontendKey(frontend)),
        )
        const rest = withoutFrontends(plan.table, keys)
        proxy.table = makeTable(
          [...rest.frontends, ...kept.map((frontend) => ({ ...frontend, group: before(frontend.group) }))],
          [...rest.groups, ...proxy.table.groups.map((group) => ({ ...group, id: before(group.id) }))],
        )
        proxy.drifted = new Set([...proxy.drifted].filter((key) => plan.keep.has(key)))
        proxy.writes++
        return { refused, wrote: true }
      },
      close: async () => {},
    },
  }
  return proxy
}

/** The id of a group as it was before a write: another value than after it. */
function before(id: string): string {
  return `before ${id}`
}

function fail({ broken }: MemoryProxy): void {
  if (broken !== undefined) throw new FairwayError(broken)
}
