import type {
  Abilities,
  Applied,
  Capabilities,
  Driver,
  Listener,
  Observed,
  Plan,
  Refusal,
  Sibling,
} from '../../src/model/driver.ts'
import { FairwayError, type Problem } from '../../src/model/problems.ts'
import {
  EMPTY_TABLE,
  type FrontendKey,
  frontendKey,
  makeTable,
  type Table,
  withoutFrontends,
} from '../../src/model/table.ts'

const TCP: Abilities = {
  proxyProtocol: ['off', 'v1', 'v2'],
  balance: ['round-robin', 'source', 'random'],
  healthCheck: ['tcp'],
  checkPort: false,
  checkThresholds: false,
  affinityTimeout: false,
  drain: false,
  sourceRanges: true,
  hosts: false,
  maxConnections: false,
  idleTimeout: false,
}
const ALL: Capabilities = { TCP, UDP: { ...TCP, proxyProtocol: ['off', 'v2'], healthCheck: [], idleTimeout: true } }

/** A proxy in memory, with switches for what can go wrong. It keeps a table as a real driver would and counts the writes. */
export interface MemoryProxy {
  readonly driver: Driver
  table: Table
  drifted: ReadonlySet<FrontendKey>
  listeners: readonly Listener[]
  siblings: readonly Sibling[]
  /** Of the table, what it has and does not serve. */
  refused: readonly Refusal[]
  notices: readonly Refusal[]
  trouble: Problem | undefined
  writes: number
  /** Thrown by the next calls, as long as it is set. */
  broken: Problem | undefined
  /** Frontends that it refuses. */
  refuses: ReadonlyMap<FrontendKey, Problem>
  /** So many next writes lose against another writer. */
  races: number
  closed: boolean
}

export function createMemoryProxy(capabilities: Capabilities = ALL): MemoryProxy {
  const proxy: MemoryProxy = {
    table: EMPTY_TABLE,
    drifted: new Set(),
    listeners: [],
    siblings: [],
    refused: [],
    notices: [],
    trouble: undefined,
    writes: 0,
    broken: undefined,
    refuses: new Map(),
    races: 0,
    closed: false,
    driver: {
      capabilities,
      read: async (): Promise<Observed> => {
        fail(proxy)
        const { table, drifted, listeners, siblings, refused, notices, trouble } = proxy
        const revision = String(proxy.writes)
        return { revision, table, drifted, listeners, siblings, refused, notices, trouble, capabilities }
      },
      apply: async (plan) => {
        fail(proxy)
        if (proxy.races > 0) {
          proxy.races--
          throw new FairwayError({ code: 'RevisionConflict', kind: 'transient', message: 'raced', remedy: 'wait' })
        }
        return apply(proxy, plan)
      },
      close: async () => {
        proxy.closed = true
      },
    },
  }
  return proxy
}

function apply(proxy: MemoryProxy, plan: Plan): Applied {
  const gone = new Set(plan.strays.map(({ className, key }) => `${className} ${key}`))
  const siblings = proxy.siblings.filter(({ className, key }) => !gone.has(`${className} ${key}`))
  const refused: Refusal[] = plan.table.frontends.flatMap((frontend) => {
    const key = frontendKey(frontend)
    const problem = proxy.refuses.get(key) ?? (siblings.some((one) => one.key === key) ? TAKEN : undefined)
    return problem === undefined ? [] : { key, problem }
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
  proxy.siblings = siblings
  proxy.writes++
  return { refused, wrote: true }
}

/** Another class of the cluster has the socket. */
const TAKEN: Problem = {
  code: 'PortTaken',
  kind: 'terminal',
  message: 'another class has it',
  remedy: 'choose another',
}

/** The id of a group as it was before a write: another value than after it. */
function before(id: string): string {
  return `before ${id}`
}

function fail({ broken }: MemoryProxy): void {
  if (broken !== undefined) throw new FairwayError(broken)
}
