import { Counter, Gauge, type Registry } from 'prom-client'
import type { CacheFacts } from '../../operator/meter.ts'

/** Makes the metrics of the caches, and the function that sets them. */
export function createCacheGauges(registry: Registry): (facts: readonly CacheFacts[]) => void {
  const about = (name: string, help: string) => ({
    name: `fairway_cache_${name}`,
    help,
    labelNames: ['kind'],
    registers: [registry],
  })
  const objects = new Gauge(about('objects', 'Objects in the cache of a kind'))
  const synced = new Gauge(about('synced', '1 once the cache has been filled; nothing is planned before all are'))
  const age = new Gauge(
    about(
      'age_seconds',
      'How long ago the API server last sent anything of the kind: about a minute at most while all is well',
    ),
  )
  const counters = {
    events: new Counter(about('events_total', 'Watch events taken in')),
    lists: new Counter(about('lists_total', 'Times that all objects of the kind were asked for')),
    watches: new Counter(about('watches_total', 'Watches opened')),
    failures: new Counter(about('failures_total', 'Lists and watches that failed')),
  }
  return (facts) => {
    for (const { kind, ...one } of facts) {
      objects.set({ kind }, one.objects)
      synced.set({ kind }, one.synced ? 1 : 0)
      if (one.silentMs !== undefined) age.set({ kind }, one.silentMs / 1000)
    }
    for (const [name, counter] of [
      ['events', counters.events],
      ['lists', counters.lists],
      ['watches', counters.watches],
      ['failures', counters.failures],
    ] as const) {
      // They are counted where they happen.
      counter.reset()
      for (const { kind, counters: counts } of facts) counter.inc({ kind }, counts[name])
    }
  }
}
