import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { type OwnerName, ownerName } from './owners.ts'
import type { Referee } from './referee.ts'
import type { Served } from './serve.ts'

export interface Meters {
  readonly registry: Registry
  readonly onRequest: (method: string, status: number, seconds: number) => void
  readonly onPass: (how: Served['how'] | 'failed', seconds: number) => void
  /** What is asked for at each scrape. */
  watch(referee: Pick<Referee, 'tables' | 'served' | 'trouble' | 'look'>, certificateExpiry: () => number): void
}

const PREFIX = 'fairway_edge'

/** Metrics of the edge. Labels take few values: methods, statuses, and the owners of tables, whose number the configuration limits. */
export function createMeters(): Meters {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const requests = new Histogram({
    name: `${PREFIX}_request_seconds`,
    help: 'Requests to the API, by method and status',
    labelNames: ['method', 'status'],
    buckets: [0.01, 0.1, 1, 10],
    registers,
  })
  const passes = new Histogram({
    name: `${PREFIX}_pass_seconds`,
    help: 'Passes, by how the proxy program took them: nothing, runtime, reload, failed',
    labelNames: ['how'],
    buckets: [0.01, 0.05, 0.2, 1, 5, 10],
    registers,
  })
  const failures = new Counter({ name: `${PREFIX}_unauthorized_total`, help: 'Requests of nobody known', registers })
  return {
    registry,
    onRequest: (method, status, seconds) => {
      requests.observe({ method, status: String(status) }, seconds)
      if (status === 401) failures.inc()
    },
    onPass: (how, seconds) => passes.observe({ how }, seconds),
    watch: (referee, certificateExpiry) => {
      watchTables(referee, registry)
      watchOne(registry, 'trouble', '1 while nothing is known to be served as the tables say', () =>
        referee.trouble === undefined ? 0 : 1,
      )
      watchOne(
        registry,
        'certificate_expiry_timestamp_seconds',
        'When the certificate of the API ends',
        certificateExpiry,
      )
    },
  }
}

function watchOne(registry: Registry, name: string, help: string, read: () => number): void {
  const gauge: Gauge = new Gauge({
    name: `${PREFIX}_${name}`,
    help,
    registers: [registry],
    collect: () => gauge.set(read()),
  })
}

function watchTables(referee: Pick<Referee, 'tables' | 'look'>, registry: Registry): void {
  const frontends: Gauge<'owner' | 'state'> = new Gauge({
    name: `${PREFIX}_frontends`,
    help: 'Frontends of a table, by whether they are served',
    labelNames: ['owner', 'state'],
    registers: [registry],
    collect: () => {
      frontends.reset()
      for (const [owner, counts] of countFrontends(referee)) {
        frontends.set({ owner, state: 'served' }, counts.served)
        frontends.set({ owner, state: 'refused' }, counts.refused)
      }
    },
  })
  const written: Gauge<'owner'> = new Gauge({
    name: `${PREFIX}_table_written_timestamp_seconds`,
    help: 'When a table was written last',
    labelNames: ['owner'],
    registers: [registry],
    collect: () => {
      written.reset()
      for (const { owner, writtenAt } of referee.tables.values()) {
        written.set({ owner: ownerName(owner) }, Date.parse(writtenAt) / 1000)
      }
    },
  })
}

interface Counts {
  readonly served: number
  readonly refused: number
}

function countFrontends(referee: Pick<Referee, 'tables' | 'look'>): ReadonlyMap<OwnerName, Counts> {
  return new Map(
    [...referee.tables].map(([owner, { table }]) => {
      const refused = new Set(referee.look(owner)?.refused.map(({ key }) => key)).size
      return [owner, { served: table.frontends.length - refused, refused }]
    }),
  )
}
