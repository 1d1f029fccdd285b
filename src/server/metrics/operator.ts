import { Gauge, type Registry } from 'prom-client'
import type { ClassFacts, OperatorFacts, ProxyFacts } from '../../operator/meter.ts'

/** Makes the gauges of what is so after the last pass of each class, and the function that sets them. `nowMs` is epoch milliseconds. */
export function createOperatorGauges(registry: Registry): (facts: OperatorFacts, nowMs: number) => void {
  const queue = new Gauge({
    name: 'fairway_queue_depth',
    help: 'Classes whose pass is due and has not begun',
    registers: [registry],
  })
  const gauges = { ...createClassGauges(registry), ...createProxyGauges(registry) }
  return ({ waiting, classes }, nowMs) => {
    // What is not there any more shall not be told.
    for (const gauge of Object.values(gauges)) gauge.reset()
    queue.set(waiting)
    for (const one of classes) {
      setClass(one, gauges)
      for (const proxy of one.proxies) setProxy(one.name, proxy, gauges, nowMs)
    }
  }
}

function createClassGauges(registry: Registry) {
  const registers = [registry]
  return {
    passEnded: new Gauge({
      name: 'fairway_pass_last_end_timestamp_seconds',
      help: 'End of the last pass that no defect ended; one comes every 15 seconds without any change',
      labelNames: ['class'],
      registers,
    }),
    services: new Gauge({
      name: 'fairway_services',
      help: 'Services of a class, by state: allocated, waiting (for an address), releasing (taken off the proxies)',
      labelNames: ['class', 'state'],
      registers,
    }),
    problems: new Gauge({
      name: 'fairway_problems',
      help: 'Services that have a problem (subject service) and problems of frontends of the configuration (subject configuration), by code',
      labelNames: ['class', 'subject', 'code'],
      registers,
    }),
    poolSize: new Gauge({
      name: 'fairway_pool_addresses',
      help: 'Addresses that a pool has to give',
      labelNames: ['class', 'pool'],
      registers,
    }),
    poolUsed: new Gauge({
      name: 'fairway_pool_addresses_used',
      help: 'Addresses of a pool that a Service or a frontend of the configuration has',
      labelNames: ['class', 'pool'],
      registers,
    }),
    poolExhausted: new Gauge({
      name: 'fairway_pool_exhausted',
      help: '1 while a pool has no free address; Services share addresses as far as their ports allow',
      labelNames: ['class', 'pool'],
      registers,
    }),
  }
}

function createProxyGauges(registry: Registry) {
  const about = (name: string, help: string) => ({
    name: `fairway_${name}`,
    help,
    labelNames: ['class', 'proxy'],
    registers: [registry],
  })
  return {
    up: new Gauge(about('proxy_up', '1 when the proxy could be reached by the last pass')),
    behind: new Gauge(
      about('proxy_behind_seconds', 'How long the proxy has not been brought to what it shall have; 0: it has been'),
    ),
    held: new Gauge(
      about('proxy_removals_held', '1 while removals on the proxy are held back until a person has looked'),
    ),
    problem: new Gauge({
      ...about('proxy_problem', '1 for what keeps the whole from being programmed, by code'),
      labelNames: ['class', 'proxy', 'code'],
    }),
    frontends: new Gauge({
      ...about(
        'frontends',
        'Frontends that the proxy shall have, by state: served, refused, unknown (it could not be asked, or took nothing)',
      ),
      labelNames: ['class', 'proxy', 'state'],
    }),
    refusals: new Gauge({
      ...about('frontend_refusals', 'Frontends that the proxy does not serve as they are wanted, by code'),
      labelNames: ['class', 'proxy', 'code'],
    }),
  }
}

function setClass(one: ClassFacts, gauges: ReturnType<typeof createClassGauges>): void {
  const about = { class: one.name }
  gauges.passEnded.set(about, one.endedAtMs / 1000)
  for (const [state, count] of Object.entries(one.services)) gauges.services.set({ ...about, state }, count)
  for (const [code, count] of one.serviceProblems) gauges.problems.set({ ...about, subject: 'service', code }, count)
  for (const [code, count] of one.fixedProblems)
    gauges.problems.set({ ...about, subject: 'configuration', code }, count)
  for (const { name, size, used } of one.pools) {
    gauges.poolSize.set({ ...about, pool: name }, size)
    gauges.poolUsed.set({ ...about, pool: name }, used)
    gauges.poolExhausted.set({ ...about, pool: name }, used >= size ? 1 : 0)
  }
}

function setProxy(
  className: string,
  one: ProxyFacts,
  gauges: ReturnType<typeof createProxyGauges>,
  nowMs: number,
): void {
  const about = { class: className, proxy: one.name }
  const { problem, behindSinceMs } = one
  gauges.up.set(about, problem === 'ProxyUnreachable' ? 0 : 1)
  gauges.behind.set(about, behindSinceMs === undefined ? 0 : Math.max(0, nowMs - behindSinceMs) / 1000)
  gauges.held.set(about, one.heldBack ? 1 : 0)
  if (problem !== undefined) gauges.problem.set({ ...about, code: problem }, 1)
  for (const [state, count] of Object.entries(one.frontends)) gauges.frontends.set({ ...about, state }, count)
  for (const [code, count] of one.refusals) gauges.refusals.set({ ...about, code }, count)
}
