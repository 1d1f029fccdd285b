/**
 * npm test [-- STAGE...]: installs and builds what the tests need, runs every stage, and prints the counts. A skip that announced-skips.ts does
 * not name with its reason fails the run.
 */
import { buildBinaries, buildCaddy, buildSmallCaddy } from '../lab/build.ts'
import { toStderr } from '../lab/progress.ts'
import { findGo, type Purpose, prepareMachine } from '../lab/requirements.ts'
import { clusterBinaries } from '../lab/versions.ts'
import { ANNOUNCED_SKIPS } from './announced-skips.ts'
import type { TestRecord } from './counts-reporter.ts'
import { STAGES, type Stage } from './stages.ts'
import { type SteadiedResult, steady } from './steady.ts'

const PURPOSES: readonly Purpose[] = ['page', 'api', 'demo', 'cluster', 'image', 'nginx', 'envoy']
/** Stages that need nothing but Node. */
const LIGHT = new Set(['static', 'unit'])

interface StageOutcome extends SteadiedResult {
  readonly stage: Stage
  readonly seconds: number
}

const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => stop.abort(new Error(`ended by ${name}`)))

try {
  process.exitCode = await main(process.argv.slice(2), stop.signal)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

async function main(names: readonly string[], signal: AbortSignal): Promise<number> {
  const stages = STAGES.filter(({ name }) => names.length === 0 || names.includes(name))
  const unknown = names.find((name) => !STAGES.some((stage) => stage.name === name))
  if (unknown !== undefined)
    throw new Error(`no stage "${unknown}"; there are: ${STAGES.map(({ name }) => name).join(', ')}`)
  const env = stages.every(({ name }) => LIGHT.has(name)) ? process.env : await prepare(signal)
  const outcomes: StageOutcome[] = []
  for (const stage of stages) {
    process.stdout.write(`\n== ${stage.name}: ${stage.what}\n`)
    const started = performance.now()
    const result = await steady(stage, env, (line) => process.stdout.write(`\n${line}\n`), signal)
    outcomes.push({ ...result, stage, seconds: (performance.now() - started) / 1000 })
    tellSkips(result.records)
    signal.throwIfAborted()
  }
  return summarize(outcomes)
}

/** Everything that has to be there before the first real program runs. */
async function prepare(signal: AbortSignal): Promise<NodeJS.ProcessEnv> {
  await prepareMachine(PURPOSES, toStderr, signal)
  const [binDir] = await Promise.all([
    buildBinaries(clusterBinaries, toStderr, signal),
    buildCaddy(toStderr, signal),
    buildSmallCaddy(toStderr, signal),
  ])
  const go = await findGo(signal)
  const path = [...(go === undefined ? [] : [go.replace(/\/go$/, '')]), binDir, process.env['PATH'] ?? ''].join(':')
  return { ...process.env, PATH: path, HELM: `${binDir}/helm` }
}

/** The end of the output is what a reader of a long log sees first: the table, what failed and why, the sum. */
function summarize(outcomes: readonly StageOutcome[]): number {
  const all = outcomes.flatMap(({ records }) => records)
  const surprises = all.filter((record) => record.outcome === 'skipped' && !isAnnounced(record))
  process.stdout.write('\n')
  let broken = false
  for (const { stage, records, exitCode, seconds } of outcomes) {
    const [passed, failed, skipped] = [count(records, 'passed'), count(records, 'failed'), count(records, 'skipped')]
    const ok = exitCode === 0 && failed === 0 && passed > 0
    broken ||= !ok
    const counts = `${passed} passed, ${failed} failed, ${skipped} skipped`
    process.stdout.write(
      `${ok ? 'ok    ' : 'FAILED'} ${stage.name.padEnd(14)} ${counts.padEnd(40)} ${seconds.toFixed(0).padStart(4)} s\n`,
    )
  }
  for (const record of all.filter(({ outcome }) => outcome === 'failed'))
    process.stdout.write(`FAILED: ${record.name} (${record.file})\n${indent(record.reason)}`)
  for (const record of outcomes.flatMap(({ unsteady }) => unsteady))
    process.stdout.write(`UNSTEADY, passed when run again: ${record.name} (${record.file})\n${indent(record.reason)}`)
  for (const record of surprises) process.stdout.write(`SKIPPED UNANNOUNCED: ${tellSkip(record)}\n`)
  const failed = count(all, 'failed') + surprises.length + (broken && count(all, 'failed') === 0 ? 1 : 0)
  process.stdout.write(
    `\n${count(all, 'passed')} passed, ${failed} failed, ${count(all, 'skipped') - surprises.length} skipped\n`,
  )
  return failed === 0 ? 0 : 1
}

/** Each announced skip by its name, at the end of its stage. */
function tellSkips(records: readonly TestRecord[]): void {
  for (const record of records)
    if (record.outcome === 'skipped' && isAnnounced(record)) process.stdout.write(`skipped: ${tellSkip(record)}\n`)
}

function tellSkip({ name, reason }: TestRecord): string {
  return reason === '' ? name : `${name}: ${reason}`
}

function indent(text: string): string {
  return text === '' ? '' : `${text.replace(/^/gm, '    ')}\n`
}

function count(records: readonly TestRecord[], outcome: TestRecord['outcome']): number {
  return records.filter((record) => record.outcome === outcome).length
}

function isAnnounced(record: TestRecord): boolean {
  return ANNOUNCED_SKIPS.some(({ name, reason }) => name === record.name && reason === record.reason)
}
