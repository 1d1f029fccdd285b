import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { CacheFacts, Meter, OperatorFacts } from '../../operator/meter.ts'
import { createCacheGauges } from './caches.ts'
import { createCounters } from './counters.ts'
import { createOperatorGauges } from './operator.ts'

export interface Metrics {
  readonly contentType: string
  readonly meter: Meter
  /** This replica leads from now on, and gives at each scrape what is so then; until the function is called that is returned. */
  lead(facts: () => OperatorFacts): () => void
  /** In Prometheus's text format. */
  scrape(): Promise<string>
}

/**
 * Metrics of the operator: counters are fed by the meter, gauges are worked out at each scrape. Labels are classes, pools and proxies of the configuration,
 * codes and other words of fixed sets; never Services or addresses, which are many and are not everybody's to see. `caches` is asked at each scrape; `now` is
 * epoch milliseconds.
 */
export function createMetrics(version: string, caches: () => readonly CacheFacts[], now: () => number): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const build = new Gauge({
    name: 'fairway_build_info',
    help: 'Always 1, with the version of Fairway and of Node.js',
    labelNames: ['version', 'node'],
    registers: [registry],
  })
  build.set({ version, node: process.version }, 1)
  const leader = new Gauge({ name: 'fairway_leader', help: '1 while this replica leads', registers: [registry] })
  const setCaches = createCacheGauges(registry)
  const setOperator = createOperatorGauges(registry)
  let operator: (() => OperatorFacts) | undefined
  return {
    contentType: registry.contentType,
    meter: createCounters(registry, now),
    lead: (facts) => {
      operator = facts
      return () => {
        operator = undefined
      }
    },
    scrape: () => {
      const facts = operator?.()
      leader.set(facts === undefined ? 0 : 1)
      setCaches(caches())
      setOperator(facts ?? { waiting: 0, classes: [] }, now())
      return registry.metrics()
    },
  }
}
