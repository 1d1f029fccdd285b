// The alert rules and the metrics themselves, judged by Prometheus' own checker.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { before, test } from 'node:test'
import { parse } from 'yaml'
import { tryRun } from '../lab/process.ts'
import { toStderr } from '../lab/progress.ts'
import { fetchPromtool } from '../lab/promtool.ts'
import { sampleEdge, sampleOperator } from '../support/sample-metrics.ts'

const RULES = resolve(import.meta.dirname, '../../deploy/observability/alerts.yaml')
const DASHBOARD = resolve(import.meta.dirname, '../../deploy/observability/dashboard.json')
const signal = AbortSignal.timeout(110_000)
let promtool = ''

before(async () => {
  promtool = await fetchPromtool(toStderr, signal)
})

/** By name of the series, one value a minute: `0x10` is nought for ten minutes and one more, `0+5x10` rises by five. */
type World = Readonly<Record<string, string>>

interface Case {
  readonly fires: World
  /** As close to it as can be, and all is well. */
  readonly quiet: World
  /** When it is asked for; minutes. */
  readonly at: number
}

const ON = 'namespace="fairway",job="fairway",instance="a"'
const PROXY = `${ON},class="public",proxy="edge-1"`
const LEADS = `fairway_leader{${ON}}`
const other = LEADS.replace('"a"', '"b"')
const EDGE = 'job="edge",instance="vm-1"'

const CASES: Readonly<Record<string, Case>> = {
  FairwayAbsent: { fires: { 'up{}': '1x20' }, quiet: { [LEADS]: '0x20' }, at: 10 },
  FairwayNoLeader: { fires: { [LEADS]: '0x20', [other]: '0x20' }, quiet: { [LEADS]: '0x20', [other]: '1x20' }, at: 10 },
  FairwaySeveralLeaders: {
    fires: { [LEADS]: '1x20', [other]: '1x20' },
    quiet: { [LEADS]: '1x20', [other]: '0x20' },
    at: 10,
  },
  FairwayPassesStopped: {
    fires: { [`fairway_pass_last_end_timestamp_seconds{${ON},class="public"}`]: '0x20' },
    quiet: { [`fairway_pass_last_end_timestamp_seconds{${ON},class="public"}`]: '0+60x20' },
    at: 10,
  },
  FairwayPassesFail: {
    fires: { [`fairway_pass_duration_seconds_count{${ON},class="public",result="failed"}`]: '0x5 1x15' },
    quiet: { [`fairway_pass_duration_seconds_count{${ON},class="public",result="unfinished"}`]: '0+4x20' },
    at: 10,
  },
  FairwayCacheStale: {
    fires: { [`fairway_cache_age_seconds{${ON},kind="nodes"}`]: '0+60x20' },
    quiet: { [`fairway_cache_age_seconds{${ON},kind="nodes"}`]: '60x20' },
    at: 10,
  },
  FairwayCacheNotFilled: {
    fires: { [`fairway_cache_synced{${ON},kind="nodes"}`]: '0x20' },
    quiet: { [`fairway_cache_synced{${ON},kind="nodes"}`]: '0x3 1x20' },
    at: 10,
  },
  FairwayStatusWritesFail: {
    fires: { [`fairway_status_writes_total{${ON},result="failed"}`]: '0+2x30' },
    quiet: { [`fairway_status_writes_total{${ON},result="failed"}`]: '0x5 1x25' },
    at: 20,
  },
  FairwayStatusContested: {
    fires: { [`fairway_events_total{${ON},type="Warning",reason="StatusContested"}`]: '0x5 1x25' },
    quiet: { [`fairway_events_total{${ON},type="Warning",reason="StatusContested"}`]: '3x30' },
    at: 20,
  },
  FairwayConfigNotUsed: {
    fires: { [`fairway_config_last_reload_successful{${ON}}`]: '0x20' },
    quiet: { [`fairway_config_last_reload_successful{${ON}}`]: '0x3 1x20' },
    at: 10,
  },
  FairwayProxyUnreachable: {
    fires: { [`fairway_proxy_up{${PROXY}}`]: '0x20' },
    quiet: { [`fairway_proxy_up{${PROXY}}`]: '1 0 1 1 1 1 1 1 1 0 1 1' },
    at: 10,
  },
  FairwayProxyBehind: {
    fires: {
      [`fairway_proxy_behind_seconds{${PROXY}}`]: '0+60x20',
      [`fairway_proxy_up{${PROXY}}`]: '1x20',
      [`fairway_proxy_removals_held{${PROXY}}`]: '0x20',
    },
    // Another alert tells of one that is away.
    quiet: {
      [`fairway_proxy_behind_seconds{${PROXY}}`]: '0+60x20',
      [`fairway_proxy_up{${PROXY}}`]: '0x20',
      [`fairway_proxy_removals_held{${PROXY}}`]: '0x20',
    },
    at: 10,
  },
  FairwayRemovalsHeld: {
    fires: { [`fairway_proxy_removals_held{${PROXY}}`]: '1x20' },
    quiet: { [`fairway_proxy_removals_held{${PROXY}}`]: '1x3 0x20' },
    at: 10,
  },
  FairwayFrontendsRefused: {
    fires: { [`fairway_frontend_refusals{${PROXY},code="PortTaken"}`]: '2x30' },
    quiet: { [`fairway_frontend_refusals{${PROXY},code="PortTaken"}`]: '2x5 _x25' },
    at: 20,
  },
  FairwayPoolExhausted: {
    fires: { [`fairway_problems{${ON},class="public",subject="service",code="PoolExhausted"}`]: '1x20' },
    quiet: { [`fairway_problems{${ON},class="public",subject="service",code="PortTaken"}`]: '1x20' },
    at: 10,
  },
  FairwayPoolNearlyExhausted: {
    fires: {
      [`fairway_pool_addresses{${ON},class="public",pool="main"}`]: '100x30',
      [`fairway_pool_addresses_used{${ON},class="public",pool="main"}`]: '95x30',
    },
    // A pool of one address that a Service has is as it should be.
    quiet: {
      [`fairway_pool_addresses{${ON},class="public",pool="main"}`]: '1x30',
      [`fairway_pool_addresses_used{${ON},class="public",pool="main"}`]: '1x30',
    },
    at: 20,
  },
  FairwayServiceProblems: {
    fires: { [`fairway_problems{${ON},class="public",subject="service",code="PortDenied"}`]: '1x90' },
    quiet: { [`fairway_problems{${ON},class="public",subject="service",code="PortDenied"}`]: '1x30 _x60' },
    at: 80,
  },
  FairwayEdgeTrouble: {
    fires: { [`fairway_edge_trouble{${EDGE}}`]: '1x20' },
    quiet: { [`fairway_edge_trouble{${EDGE}}`]: '0x20' },
    at: 10,
  },
  FairwayEdgeFrontendsRefused: {
    fires: { [`fairway_edge_frontends{${EDGE},owner="prod/public",state="refused"}`]: '1x30' },
    quiet: {
      [`fairway_edge_frontends{${EDGE},owner="prod/public",state="served"}`]: '9x30',
      [`fairway_edge_frontends{${EDGE},owner="prod/public",state="refused"}`]: '0x30',
    },
    at: 20,
  },
  FairwayEdgeCertificateExpires: {
    fires: { [`fairway_edge_certificate_expiry_timestamp_seconds{${EDGE}}`]: `${13 * 86_400}x90` },
    quiet: { [`fairway_edge_certificate_expiry_timestamp_seconds{${EDGE}}`]: `${15 * 86_400}x90` },
    at: 80,
  },
  FairwayEdgeUnauthorized: {
    fires: { [`fairway_edge_unauthorized_total{${EDGE}}`]: '0+10x40' },
    quiet: { [`fairway_edge_unauthorized_total{${EDGE}}`]: '0+1x40' },
    at: 30,
  },
}

/** Hands the content, which as JSON is YAML too, to the work as a file. */
async function withFile<T>(content: object, work: (file: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'fairway-alerts-'))
  try {
    const file = join(dir, 'file.yaml')
    writeFileSync(file, JSON.stringify(content))
    return await work(file)
  } finally {
    rmSync(dir, { recursive: true })
  }
}

/** Names of the alerts that fire in a world, as the checker finds them: it is told that none does, and complains of each that it sees. */
function firing(world: World, at: number, names: readonly string[]): Promise<readonly string[]> {
  const series = Object.entries(world).map(([name, values]) => ({ series: name, values }))
  const quiet = names.map((alertname) => ({ eval_time: `${at}m`, alertname, exp_alerts: [] }))
  const tests = [{ interval: '1m', input_series: series, alert_rule_test: quiet }]
  return withFile({ rule_files: [RULES], evaluation_interval: '1m', tests }, async (file) => {
    const { stdout, stderr } = await tryRun([promtool, 'test', 'rules', file], {}, signal)
    const said = stdout + stderr
    const fired = Array.from(said.matchAll(/alertname: ?(\w+)/g), ([, name = '']) => name)
    assert.ok(/SUCCESS/.test(said) || fired.length > 0, said)
    return fired
  })
}

function alertNames(): readonly string[] {
  const { groups } = parse(readFileSync(RULES, 'utf8')) as {
    readonly groups: readonly { readonly rules: readonly { readonly alert: string }[] }[]
  }
  return groups.flatMap(({ rules }) => rules.map(({ alert }) => alert))
}

test('Prometheus takes the rules', async () => {
  const { code, stdout, stderr } = await tryRun([promtool, 'check', 'rules', '--lint-fatal', RULES], {}, signal)
  assert.equal(code, 0, stdout + stderr)
})

test('Prometheus understands each query of the dashboard', async () => {
  const { panels } = JSON.parse(readFileSync(DASHBOARD, 'utf8')) as {
    readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[]
  }
  const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  assert.ok(queries.length > 30)
  const plain = queries.map((query) => query.replaceAll('$__rate_interval', '5m').replaceAll(/"\$\w+"/g, '".*"'))
  const rules = plain.map((expr, index) => ({ record: `query:${index}`, expr }))
  await withFile({ groups: [{ name: 'dashboard', rules }] }, async (file) => {
    const { code, stdout, stderr } = await tryRun([promtool, 'check', 'rules', file], {}, signal)
    assert.equal(code, 0, stdout + stderr)
  })
})

test('each alert has its case', () => {
  assert.deepEqual(Object.keys(CASES).toSorted(), alertNames().toSorted())
})

for (const [name, { fires, quiet, at }] of Object.entries(CASES)) {
  test(`${name} fires, and does not for nothing`, async () => {
    assert.deepEqual(await firing(fires, at, [name]), [name])
    assert.deepEqual(await firing(quiet, at, [name]), [])
  })
}

test('on a day like all others no alert fires', async () => {
  const world = {
    [LEADS]: '1x90',
    [other]: '0x90',
    [`fairway_pass_last_end_timestamp_seconds{${ON},class="public"}`]: '0+60x90',
    [`fairway_pass_duration_seconds_count{${ON},class="public",result="failed"}`]: '0x90',
    [`fairway_cache_age_seconds{${ON},kind="nodes"}`]: '0 20 40 5x87',
    [`fairway_cache_synced{${ON},kind="nodes"}`]: '1x90',
    [`fairway_status_writes_total{${ON},result="failed"}`]: '0x90',
    [`fairway_events_total{${ON},type="Warning",reason="StatusContested"}`]: '0x90',
    [`fairway_config_last_reload_successful{${ON}}`]: '1x90',
    [`fairway_proxy_up{${PROXY}}`]: '1x90',
    [`fairway_proxy_behind_seconds{${PROXY}}`]: '0x90',
    [`fairway_proxy_removals_held{${PROXY}}`]: '0x90',
    [`fairway_pool_addresses{${ON},class="public",pool="main"}`]: '100x90',
    [`fairway_pool_addresses_used{${ON},class="public",pool="main"}`]: '60x90',
    [`fairway_edge_trouble{${EDGE}}`]: '0x90',
    [`fairway_edge_frontends{${EDGE},owner="prod/public",state="refused"}`]: '0x90',
    [`fairway_edge_certificate_expiry_timestamp_seconds{${EDGE}}`]: `${3_000 * 86_400}x90`,
    [`fairway_edge_unauthorized_total{${EDGE}}`]: '2x90',
  }
  assert.deepEqual(await firing(world, 80, alertNames()), [])
})

/** What the checker finds unusual, but for metrics that prom-client makes by itself. */
async function lint(text: string): Promise<readonly string[]> {
  const { stdout, stderr } = await tryRun([promtool, 'check', 'metrics'], { input: text }, signal)
  return (stdout + stderr).split('\n').filter((line) => line !== '' && !/^(nodejs|process)_/.test(line))
}

test('names, types and units of the metrics are as Prometheus has them', async () => {
  assert.deepEqual(await lint(await sampleOperator()), [])
  assert.deepEqual(await lint(await sampleEdge()), [])
  // The checker is asked for something: this is what it says of a bad one.
  assert.match((await lint('# TYPE fairway_bad_total gauge\nfairway_bad_total 1\n')).join(), /fairway_bad_total/)
})
