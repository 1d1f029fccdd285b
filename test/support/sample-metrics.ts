// Scrapes in which every metric has at least one series.
import { createMeters } from '../../src/edge/meters.ts'
import type { CacheFacts, ClassFacts, Fact } from '../../src/operator/meter.ts'
import { createMetrics } from '../../src/server/metrics/metrics.ts'

const CACHE: CacheFacts = {
  kind: 'services',
  objects: 3,
  synced: true,
  silentMs: 1_500,
  counters: { events: 7, lists: 1, watches: 2, failures: 0 },
}

const CLASS: ClassFacts = {
  name: 'public',
  endedAtMs: Date.UTC(2026, 0, 1),
  pools: [{ name: 'main', size: 10, used: 3 }],
  services: { allocated: 3, waiting: 1, releasing: 0 },
  serviceProblems: new Map([['PoolExhausted', 1]]),
  fixedProblems: new Map([['NoTargets', 1]]),
  proxies: [
    {
      name: 'edge-1',
      problem: 'ProxyUnreachable',
      heldBack: false,
      behindSinceMs: Date.UTC(2026, 0, 1),
      frontends: { served: 0, refused: 0, unknown: 4 },
      refusals: new Map([['PortTaken', 1]]),
    },
  ],
}

const ABOUT = { className: 'public', proxy: 'edge-1' }
const FACTS: readonly Fact[] = [
  { kind: 'pass', className: 'public', end: 'finished', durationMs: 20 },
  { kind: 'call', ...ABOUT, call: 'read', durationMs: 5 },
  { kind: 'changes', ...ABOUT, counts: { add: 1, update: 0, remove: 0, stray: 0 } },
  { kind: 'error', part: 'proxy', code: 'ProxyUnreachable' },
  { kind: 'status', result: 'written' },
  { kind: 'event', type: 'Normal', reason: 'Served' },
  { kind: 'configuration', used: true },
]

/** Of an operator that leads. */
export async function sampleOperator(): Promise<string> {
  const metrics = createMetrics('1.2.3', () => [CACHE], Date.now)
  for (const fact of FACTS) metrics.meter(fact)
  metrics.lead(() => ({ waiting: 0, classes: [CLASS] }))
  return metrics.scrape()
}

/** Of an edge with one table. */
export async function sampleEdge(): Promise<string> {
  const meters = createMeters()
  meters.onRequest('GET', 401, 0.01)
  meters.onPass('runtime', 0.01)
  const owner = { cluster: 'prod', className: 'public', uid: 'uid' }
  const tables = new Map([
    ['prod/public', { owner, table: { frontends: [], groups: [] }, writtenAt: '2026-01-01T00:00:00Z' }],
  ])
  const referee = { tables, served: undefined, trouble: undefined, look: () => undefined }
  meters.watch(referee as unknown as Parameters<typeof meters.watch>[0], () => 0)
  return meters.registry.metrics()
}
