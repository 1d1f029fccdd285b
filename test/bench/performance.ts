/** What benchmarks found on one machine: docs/bench/performance.json for programs, performance.svg for people. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join, resolve } from 'node:path'
import { drawBars } from './bars.ts'
import { type Row, rounded } from './table.ts'

const FOLDER = resolve(import.meta.dirname, '../../docs/bench')

/** What one benchmark found. */
export interface Result {
  readonly bench: string
  readonly title: string
  readonly rows: readonly Row[]
}

interface Found {
  readonly machine: string
  readonly benches: readonly Result[]
}

/** Puts what was found beside what other benchmarks found on the same machine, in the order of `names`. */
export function writePerformance(result: Result, names: readonly string[]): void {
  mkdirSync(FOLDER, { recursive: true })
  const model =
    cpus()[0]
      ?.model.replaceAll(/\((?:R|TM)\)/g, '')
      .trim() ?? ''
  const machine = `${cpus().length} cores (${model}), Node ${process.versions.node}`
  const fresh = { ...result, rows: result.rows.map((row) => ({ ...row, value: rounded(row.value) })) }
  const before = readFound()
  const kept = before?.machine === machine ? before.benches : []
  const all = new Map([...kept, fresh].map((one) => [one.bench, one]))
  const benches = names.flatMap((name) => all.get(name) ?? [])
  writeFileSync(join(FOLDER, 'performance.json'), `${JSON.stringify({ machine, benches }, undefined, 2)}\n`)
  writeFileSync(join(FOLDER, 'performance.svg'), drawPerformance(machine, benches))
}

function readFound(): Found | undefined {
  const file = join(FOLDER, 'performance.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Found) : undefined
}

/** The rows that have a target: how much of it each one takes. */
function drawPerformance(machine: string, results: readonly Result[]): string {
  return drawBars({
    title: 'How much of its target each figure takes',
    note: `${machine}. The line is the target: a bar that ends before it has met it.`,
    panels: results.flatMap(({ title, rows }) => {
      const bars = rows.flatMap((row) => barOf(row))
      return bars.length === 0 ? [] : [{ title, bars }]
    }),
  })
}

function barOf({ what, value, unit, target, met }: Row) {
  const [, kind, bound] = /^(<=|>=) (.+)$/.exec(target) ?? []
  if (kind === undefined) return []
  const share = kind === '<=' ? value / Number(bound) : Number(bound) / value
  return [{ label: what, share, text: `${rounded(value)} ${unit}`.trim(), target: `${target} ${unit}`.trim(), met }]
}
