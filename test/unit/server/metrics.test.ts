import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FairwayError, type Problem } from '../../../src/model/problems.ts'
import { createFacts } from '../../../src/operator/facts.ts'
import type { CacheFacts } from '../../../src/operator/meter.ts'
import { meterDrivers } from '../../../src/operator/metered-driver.ts'
import { meterPass } from '../../../src/operator/metered-pass.ts'
import { healthApp } from '../../../src/server/health.ts'
import { createMetrics, type Metrics } from '../../../src/server/metrics/metrics.ts'
import { classSpec, pool, service } from '../../support/builders.ts'
import { createWorld, type World, type WorldWishes } from '../../support/operator-world.ts'

const CACHE: CacheFacts = {
  kind: 'services',
  objects: 3,
  synced: true,
  silentMs: 1_500,
  counters: { events: 7, lists: 1, watches: 2, failures: 0 },
}
const AWAY: Problem = { code: 'ProxyUnreachable', kind: 'transient', message: 'away', remedy: 'Start it' }

/** A world whose passes and drivers are measured, and what a scrape says of it. */
function measure(wishes: WorldWishes = {}) {
  const world = createWorld(wishes)
  const clock = () => world.nowMs
  const metrics = createMetrics('1.2.3', () => [CACHE], clock)
  const facts = createFacts(clock)
  const { running } = world
  const makers = new Map(running.proxies.map(({ name, driver }) => [name, driver]))
  const proxies = running.proxies.map((proxy) => {
    const owner = { cluster: 'prod', className: 'public', uid: 'uid' }
    const request = { proxy: { name: proxy.name }, owner } as Parameters<ReturnType<typeof meterDrivers>>[0]
    const make = meterDrivers(() => makers.get(proxy.name) ?? proxy.driver, metrics.meter)
    return { ...proxy, driver: make(request) }
  })
  world.running = { ...running, proxies }
  metrics.lead(() => ({ waiting: 0, classes: facts.classes() }))
  const view = { services: () => [...world.services.values()], nodes: () => world.nodes, slicesOf: () => [] }
  const pass = async () => facts.passed(world.running, await world.pass(), view)
  return { world, metrics, facts, pass, value: valueOf(metrics) }
}

/** Reads one series: `value('fairway_leader')`; undefined: it is not told. */
function valueOf(metrics: Pick<Metrics, 'scrape'>) {
  return async (series: string) => {
    const line = (await metrics.scrape()).split('\n').find((one) => one.startsWith(`${series} `))
    return line === undefined ? undefined : Number(line.slice(series.length + 1))
  }
}

function firstProxy(world: World) {
  const [proxy] = world.proxies
  assert.ok(proxy)
  return proxy
}

const fail = () => Promise.reject(new Error('a defect'))

describe('a proxy', () => {
  const on = '{class="public",proxy="edge-1"}'

  test('that takes all it shall serve is up, not behind, and serves it', async () => {
    const { world, pass, value } = measure()
    world.put(service('web', { ports: ['80', '443'] }))
    await pass()
    assert.equal(await value(`fairway_proxy_up${on}`), 1)
    assert.equal(await value(`fairway_proxy_behind_seconds${on}`), 0)
    assert.equal(await value('fairway_frontends{class="public",proxy="edge-1",state="served"}'), 2)
    assert.equal(await value('fairway_proxy_changes_total{class="public",proxy="edge-1",kind="add"}'), 2)
    assert.equal(
      await value('fairway_proxy_call_duration_seconds_count{class="public",proxy="edge-1",call="apply"}'),
      1,
    )
  })

  test('that is away is behind since the first pass that noticed, and nothing is known of its frontends', async () => {
    const { world, pass, value } = measure()
    world.put(service('web'))
    await pass()
    firstProxy(world).broken = AWAY
    world.nowMs += 10_000
    await pass()
    world.nowMs += 60_000
    await pass()
    world.nowMs += 5_000
    assert.equal(await value(`fairway_proxy_up${on}`), 0)
    assert.equal(await value(`fairway_proxy_behind_seconds${on}`), 65)
    assert.equal(await value('fairway_proxy_problem{class="public",proxy="edge-1",code="ProxyUnreachable"}'), 1)
    assert.equal(await value('fairway_frontends{class="public",proxy="edge-1",state="unknown"}'), 1)
    assert.equal(await value('fairway_frontends{class="public",proxy="edge-1",state="served"}'), 0)
    assert.equal(await value('fairway_errors_total{part="proxy",code="ProxyUnreachable"}'), 2)
    firstProxy(world).broken = undefined
    await pass()
    assert.equal(await value(`fairway_proxy_behind_seconds${on}`), 0)
    assert.equal(await value('fairway_proxy_problem{class="public",proxy="edge-1",code="ProxyUnreachable"}'), undefined)
  })

  test('that answers and takes nothing is up, and behind', async () => {
    const { world, pass, value } = measure()
    firstProxy(world).broken = { ...AWAY, code: 'ProxyRejected' }
    await pass()
    world.nowMs += 1_000
    assert.deepEqual([await value(`fairway_proxy_up${on}`), await value(`fairway_proxy_behind_seconds${on}`)], [1, 1])
  })

  test('that refuses a frontend says so by code; the others are served', async () => {
    const { world, pass, value } = measure()
    firstProxy(world).refuses = new Map([['tcp/203.0.113.10:22', { ...AWAY, code: 'PortTaken' }]])
    world.put(service('git', { ports: ['22', '443'] }))
    await pass()
    assert.equal(await value('fairway_frontend_refusals{class="public",proxy="edge-1",code="PortTaken"}'), 1)
    assert.equal(await value('fairway_frontends{class="public",proxy="edge-1",state="refused"}'), 1)
    assert.equal(await value('fairway_frontends{class="public",proxy="edge-1",state="served"}'), 1)
    assert.equal(await value('fairway_proxy_changes_total{class="public",proxy="edge-1",kind="add"}'), 1)
  })

  test('whose removals are held back is behind', async () => {
    const { world, pass, value } = measure()
    for (let i = 0; i < 20; i++) world.put(service(`s${i}`, { ports: [String(1_000 + i)] }))
    await pass()
    world.services.clear()
    await pass()
    world.nowMs += 1_000
    assert.deepEqual(
      [await value(`fairway_proxy_removals_held${on}`), await value(`fairway_proxy_behind_seconds${on}`)],
      [1, 1],
    )
  })

  test('loses a race: each lost write is an error, and the pass goes on', async () => {
    const { world, pass, value } = measure()
    firstProxy(world).races = 2
    world.put(service('web'))
    await pass()
    assert.equal(await value('fairway_errors_total{part="proxy",code="RevisionConflict"}'), 2)
    assert.equal(
      await value('fairway_proxy_call_duration_seconds_count{class="public",proxy="edge-1",call="apply"}'),
      3,
    )
    assert.equal(await value(`fairway_proxy_behind_seconds${on}`), 0)
  })
})

describe('pools and Services', () => {
  test('of a pool that is used up, and of who waits for it', async () => {
    const spec = classSpec({ pools: [pool('main', ['203.0.113.10'])] })
    const { world, pass, value } = measure({ running: { spec } })
    world.put(service('a'), service('b'), service('c'))
    await pass()
    const main = '{class="public",pool="main"}'
    assert.deepEqual(
      [
        await value(`fairway_pool_addresses${main}`),
        await value(`fairway_pool_addresses_used${main}`),
        await value(`fairway_pool_exhausted${main}`),
      ],
      [1, 1, 1],
    )
    assert.equal(await value('fairway_services{class="public",state="waiting"}'), 2)
    assert.equal(await value('fairway_services{class="public",state="allocated"}'), 1)
  })

  test('a Service with a problem of several ports counts once for its code', async () => {
    const rules = { ...classSpec().rules, deniedPorts: new Set([80, 443]) }
    const { world, pass, value } = measure({ running: { spec: classSpec({ rules }) } })
    world.put(service('a', { ports: ['80', '443'] }), service('b', { ports: ['80', '8080'] }))
    await pass()
    assert.equal(await value('fairway_problems{class="public",subject="service",code="PortDenied"}'), 2)
  })
})

describe('counters', () => {
  test('passes, by how they ended, in seconds', async () => {
    const { metrics, value } = measure()
    metrics.meter({ kind: 'pass', className: 'public', end: 'unfinished', durationMs: 250 })
    assert.equal(await value('fairway_pass_duration_seconds_sum{class="public",result="unfinished"}'), 0.25)
    assert.equal(await value('fairway_pass_duration_seconds_count{class="public",result="failed"}'), 0)
  })

  test('a pass is told with its end; one that a defect ends is failed, and one that is cut is none', async () => {
    const { metrics, value } = measure()
    const run = (work: () => Promise<{ readonly unfinished: boolean }>, signal = new AbortController().signal) =>
      meterPass('public', work, metrics.meter, signal)
    await run(() => Promise.resolve({ unfinished: false }))
    await assert.rejects(run(fail), /a defect/)
    await assert.rejects(run(fail, AbortSignal.abort()), /a defect/)
    const counts = ['finished', 'unfinished', 'failed'].map((end) =>
      value(`fairway_pass_duration_seconds_count{class="public",result="${end}"}`),
    )
    assert.deepEqual(await Promise.all(counts), [1, undefined, 1])
  })

  test('writes to Services and Events begin at nought, where an alert looks at them', async () => {
    const { metrics, value } = measure()
    assert.equal(await value('fairway_status_writes_total{result="failed"}'), 0)
    assert.equal(await value('fairway_events_total{type="Warning",reason="StatusContested"}'), 0)
    metrics.meter({ kind: 'status', result: 'failed' })
    metrics.meter({ kind: 'event', type: 'Warning', reason: 'StatusContested' })
    assert.equal(await value('fairway_status_writes_total{result="failed"}'), 1)
    assert.equal(await value('fairway_events_total{type="Warning",reason="StatusContested"}'), 1)
  })

  test('a configuration that cannot be used leaves the time of the one in use', async () => {
    const { world, metrics, value } = measure()
    metrics.meter({ kind: 'configuration', used: true })
    const at = world.nowMs / 1000
    world.nowMs += 60_000
    metrics.meter({ kind: 'configuration', used: false })
    assert.equal(await value('fairway_config_last_reload_successful'), 0)
    assert.equal(await value('fairway_config_last_reload_success_timestamp_seconds'), at)
  })
})

test('a follower tells of its caches and that it does not lead, and nothing of classes', async () => {
  const metrics = createMetrics('1.2.3', () => [CACHE], Date.now)
  const value = valueOf(metrics)
  assert.equal(await value('fairway_leader'), 0)
  assert.equal(await value('fairway_cache_objects{kind="services"}'), 3)
  assert.equal(await value('fairway_cache_age_seconds{kind="services"}'), 1.5)
  // Asked twice: what was counted elsewhere does not add up.
  assert.equal(await value('fairway_cache_events_total{kind="services"}'), 7)
  assert.doesNotMatch(await metrics.scrape(), /class="/)
  const stop = metrics.lead(() => ({ waiting: 2, classes: [] }))
  assert.deepEqual([await value('fairway_leader'), await value('fairway_queue_depth')], [1, 2])
  stop()
  assert.equal(await value('fairway_leader'), 0)
})

test('a class that left the configuration is told no more', async () => {
  const { world, facts, pass, value } = measure()
  await pass()
  facts.configured([{ ...world.running, spec: classSpec({ name: 'other' }) }])
  assert.equal(await value('fairway_services{class="public",state="waiting"}'), undefined)
})

test('no Service, namespace or address is in any label', async () => {
  const { world, metrics, pass } = measure()
  firstProxy(world).refuses = new Map([['tcp/203.0.113.10:22', { ...AWAY, code: 'PortTaken' }]])
  world.put(service('team-red/secret-project', { ports: ['22'], annotations: { pool: 'none-such' } }))
  world.put(service('team-red/another', { ports: ['22', '80'] }))
  await pass()
  assert.doesNotMatch(await metrics.scrape(), /team-red|secret-project|203\.0\.113/)
})

test('a call that its signal ends is no error of the proxy', async () => {
  const { world, metrics } = measure()
  const [proxy] = world.running.proxies
  firstProxy(world).broken = AWAY
  await assert.rejects(async () => proxy?.driver.read(AbortSignal.abort()), FairwayError)
  assert.doesNotMatch(await metrics.scrape(), /fairway_errors_total\{/)
})

const ready = () => ({ ready: true, troubles: {} })

test('/metrics is served unless it is off', async () => {
  const { metrics } = measure()
  const answer = await healthApp({ ready }, metrics).request('/metrics')
  assert.equal(answer.status, 200)
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=/)
  assert.match(await answer.text(), /^fairway_build_info\{version="1\.2\.3",node="v\d/m)
  assert.equal((await healthApp({ ready }).request('/metrics')).status, 404)
})
