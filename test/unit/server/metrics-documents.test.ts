// The dashboard, the alert rules and docs/observability.md against the metrics that there are. UPDATE_GOLDEN=1 rewrites the document's tables.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { sampleEdge, sampleOperator } from '../../support/sample-metrics.ts'

const ROOT = resolve(import.meta.dirname, '../../..')
const DOCUMENT = resolve(ROOT, 'docs/observability.md')
const OBSERVABILITY = resolve(ROOT, 'deploy/observability')

interface Metric {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly labels: readonly string[]
}

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly description: string; readonly runbook: string }
}

interface Panel {
  readonly title: string
  readonly targets?: readonly { readonly expr: string }[]
}

/** Ours, of a text as Prometheus scrapes it in which each has a series. */
function metricsIn(text: string): readonly Metric[] {
  const found = text.matchAll(
    /^# HELP (?<name>fairway_\S+) (?<help>.*)\n# TYPE \S+ (?<type>\S+)\nfairway_[a-z_]+(?:\{(?<labels>[^}]*)\})? /gm,
  )
  return Array.from(found, ({ groups: { name = '', help = '', type = '', labels = '' } = {} }) => {
    const names = Array.from(labels.matchAll(/(\w+)="/g), ([, label = '']) => label)
    return { name, help, type, labels: names.filter((label) => label !== 'le') }
  })
}

const operatorMetrics = async () => metricsIn(await sampleOperator())
const edgeMetrics = async () => metricsIn(await sampleEdge())

function rules(): readonly Rule[] {
  const { groups } = parse(readFileSync(resolve(OBSERVABILITY, 'alerts.yaml'), 'utf8')) as {
    readonly groups: readonly { readonly rules: readonly Rule[] }[]
  }
  return groups.flatMap((group) => group.rules)
}

function panels(): readonly Panel[] {
  const text = readFileSync(resolve(OBSERVABILITY, 'dashboard.json'), 'utf8')
  return (JSON.parse(text) as { readonly panels: readonly Panel[] }).panels
}

/** Names of metrics that an expression asks for. Those of a histogram come from one. */
function namesIn(expr: string): readonly string[] {
  return [...expr.matchAll(/fairway_[a-z_]+/g)].map(([name]) => name.replace(/_(bucket|count|sum)$/, ''))
}

async function known(): Promise<ReadonlySet<string>> {
  return new Set([...(await operatorMetrics()), ...(await edgeMetrics())].map(({ name }) => name))
}

test('alert rules ask only for metrics that there are', async () => {
  const names = rules().flatMap(({ expr }) => namesIn(expr))
  assert.ok(names.length > 15)
  assert.deepEqual([...new Set(names).difference(await known())], [])
})

test('the dashboard asks only for metrics that there are, and for each of them', async () => {
  const names = new Set(panels().flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => namesIn(expr))))
  const all = await known()
  assert.deepEqual([...names.difference(all)], [])
  const unseen = [...all.difference(names)].toSorted()
  assert.deepEqual(unseen, ['fairway_config_last_reload_success_timestamp_seconds'])
})

test('each alert says what it means, and what to do', () => {
  for (const { alert, labels, annotations } of rules()) {
    assert.match(alert, /^Fairway[A-Z]/)
    assert.match(labels.severity, /^(critical|warning|info)$/)
    for (const text of [annotations.description, annotations.runbook]) assert.match(text, /^\S.*\.$/, alert)
    assert.ok(annotations.summary.length > 0)
  }
})

function row(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function metricTable(metrics: readonly Metric[]): string {
  const sorted = metrics.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const rows = sorted.map(({ name, type, labels, help }) => row(`\`${name}\``, type, labels.join(', '), help))
  return [row('metric', 'type', 'labels', 'says'), row('---', '---', '---', '---'), ...rows].join('\n')
}

/** Of a rule's text, with the names of labels for their values. */
function plain(text: string): string {
  return text.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, '`$1`').replaceAll(/\{\{ \$value[^}]*\}\}/g, '_n_')
}

function alertTable(): string {
  const rows = rules().map(({ alert, labels, annotations }) =>
    row(`\`${alert}\``, labels.severity, plain(annotations.description), plain(annotations.runbook)),
  )
  return [row('alert', 'severity', 'means', 'what to do'), row('---', '---', '---', '---'), ...rows].join('\n')
}

/** The formatter aligns the columns of tables. */
function unaligned(text: string): string {
  return text.replaceAll(/ +\|/g, ' |').replaceAll(/\| ?-+ ?(?=\|)/g, '| --- ')
}

test('the document has a row for each metric and each alert, in the words of the program', async () => {
  const before = readFileSync(DOCUMENT, 'utf8')
  const tables = {
    operator: metricTable(await operatorMetrics()),
    edge: metricTable(await edgeMetrics()),
    alerts: alertTable(),
  }
  const wanted = Object.entries(tables).reduce(
    (text, [name, table]) =>
      text.replace(
        new RegExp(`<!-- ${name} -->\n[\\s\\S]*?<!-- end -->`),
        () => `<!-- ${name} -->\n\n${table}\n\n<!-- end -->`,
      ),
    before,
  )
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(DOCUMENT, wanted)
  else
    assert.equal(
      unaligned(before),
      unaligned(wanted),
      'docs/observability.md is not up to date; UPDATE_GOLDEN=1 rewrites its tables',
    )
})
