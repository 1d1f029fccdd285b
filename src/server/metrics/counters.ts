import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Fact, Meter, StatusResult } from '../../operator/meter.ts'

/** From an unchanged world on a small cluster to a proxy that is waited for until it is given up. */
const PASS_BUCKETS = [0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30]
const CALL_BUCKETS = [0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10]
const STATUS_RESULTS: readonly StatusResult[] = ['written', 'gone', 'conflict', 'failed']

/** Makes the counters of what happens. `now` is epoch milliseconds. */
export function createCounters(registry: Registry, now: () => number): Meter {
  const counters = {
    ...createPassCounters(registry),
    ...createWriteCounters(registry),
    ...createConfigGauges(registry),
  }
  const classes = new Set<string>()
  return (fact) => {
    if (fact.kind === 'pass' && !classes.has(fact.className)) {
      classes.add(fact.className)
      // A series that begins at one has not increased: those that alert rules look at begin at nought.
      counters.passes.zero({ class: fact.className, result: 'failed' })
    }
    count(fact, counters, now)
  }
}

type Counters = ReturnType<typeof createPassCounters> &
  ReturnType<typeof createWriteCounters> &
  ReturnType<typeof createConfigGauges>

function count(fact: Fact, counters: Counters, now: () => number): void {
  switch (fact.kind) {
    case 'pass':
      return counters.passes.observe({ class: fact.className, result: fact.end }, fact.durationMs / 1000)
    case 'call':
      return counters.calls.observe(
        { class: fact.className, proxy: fact.proxy, call: fact.call },
        fact.durationMs / 1000,
      )
    case 'changes':
      for (const [kind, howMany] of Object.entries(fact.counts))
        counters.changes.inc({ class: fact.className, proxy: fact.proxy, kind }, howMany)
      return
    case 'error':
      return counters.errors.inc({ part: fact.part, code: fact.code })
    case 'status':
      return counters.statusWrites.inc({ result: fact.result })
    case 'event':
      return counters.events.inc({ type: fact.type, reason: fact.reason })
    case 'configuration':
      counters.configUsed.set(fact.used ? 1 : 0)
      if (fact.used) counters.configAt.set(now() / 1000)
      return
  }
  return fact satisfies never
}

function createPassCounters(registry: Registry) {
  const registers = [registry]
  return {
    passes: new Histogram({
      name: 'fairway_pass_duration_seconds',
      help: 'Passes of a class, by how they ended: finished, unfinished (something was left for the next one), failed (a defect)',
      labelNames: ['class', 'result'],
      buckets: PASS_BUCKETS,
      registers,
    }),
    calls: new Histogram({
      name: 'fairway_proxy_call_duration_seconds',
      help: 'Reading (read) and writing (apply) of a proxy, whether it succeeded or not',
      labelNames: ['class', 'proxy', 'call'],
      buckets: CALL_BUCKETS,
      registers,
    }),
    changes: new Counter({
      name: 'fairway_proxy_changes_total',
      help: 'Frontends that were changed on a proxy, by kind: add, update, remove, stray (removed, of what another class had left)',
      labelNames: ['class', 'proxy', 'kind'],
      registers,
    }),
    errors: new Counter({
      name: 'fairway_errors_total',
      help: "Calls that failed, by part (proxy: a driver's call; status: a write to a Service) and code of the problem",
      labelNames: ['part', 'code'],
      registers,
    }),
  }
}

function createWriteCounters(registry: Registry) {
  const registers = [registry]
  const statusWrites = new Counter({
    name: 'fairway_status_writes_total',
    help: 'Writes to the status of a Service, by result: written, conflict (it had changed), gone, failed',
    labelNames: ['result'],
    registers,
  })
  const events = new Counter({
    name: 'fairway_events_total',
    help: 'Events that were told about Services, by type and reason',
    labelNames: ['type', 'reason'],
    registers,
  })
  // As with failed passes.
  for (const result of STATUS_RESULTS) statusWrites.inc({ result }, 0)
  events.inc({ type: 'Warning', reason: 'StatusContested' }, 0)
  return { statusWrites, events }
}

function createConfigGauges(registry: Registry) {
  const registers = [registry]
  return {
    configUsed: new Gauge({
      name: 'fairway_config_last_reload_successful',
      help: '1 when the configuration file, as it was read last, is in use; 0 when it cannot be used and the one before is',
      registers,
    }),
    configAt: new Gauge({
      name: 'fairway_config_last_reload_success_timestamp_seconds',
      help: 'When the configuration in use was taken up',
      registers,
    }),
  }
}
