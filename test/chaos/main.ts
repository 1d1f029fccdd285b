/**
 * npm run chaos -- [--seed N[,N...]] [--minutes M] [--faults NAME[,NAME...]] [--write]: changes a cluster at random while faults strike, and looks
 * after each storm whether all is as wished. A seed reproduces changes and faults. `--write` makes docs/chaos.md of it, and `--report` of the last runs with
 * these seeds, which may have gone on side by side. Needs root.
 */
import { readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { buildBinaries } from '../lab/build.ts'
import { toStderr } from '../lab/progress.ts'
import { prepareMachine } from '../lab/requirements.ts'
import { apiBinaries } from '../lab/versions.ts'
import { chooseFaults } from './faults.ts'
import { drawPlace, isInside, runInside } from './namespace.ts'
import { writeReport } from './report.ts'
import { type RunRecord, recordFile, runChaos } from './run.ts'

const OUTPUT = resolve(import.meta.dirname, '../../test-output/chaos')

const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => stop.abort(new Error(`ended by ${name}`)))

try {
  process.exitCode = await main(stop.signal)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  process.exitCode = 1
}
// Whatever a failed run has left open must not keep it, and the programs that it started end with it.
process.exit()

async function main(signal: AbortSignal): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      minutes: { type: 'string', default: '5' },
      faults: { type: 'string', default: '' },
      write: { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
    },
  })
  const faults = chooseFaults(values.faults.split(',').filter(Boolean))
  const [seeds, minutes] = [values.seed.split(',').map(Number), Number(values.minutes)]
  if (![...seeds, minutes].every((number) => number > 0)) throw new Error('--seed and --minutes take numbers above 0')
  if (values.report) return report(seeds.map(readRecord))
  if (!isInside()) {
    await prepareMachine(['api', 'chaos'], toStderr, signal)
    await buildBinaries(apiBinaries, toStderr, signal)
    return runInside(signal)
  }
  await drawPlace(signal)
  const runs: RunRecord[] = []
  for (const seed of seeds) {
    const outputDir = outputOf(seed)
    rmSync(outputDir, { recursive: true, force: true })
    runs.push(await runChaos({ seed, minutes, faults, outputDir }, signal))
  }
  return report(runs, values.write)
}

/** Gives the exit code. Only runs without a failure are written down. */
async function report(runs: readonly RunRecord[], write = true): Promise<number> {
  const failed = runs.filter(({ failure }) => failure !== undefined)
  if (write && failed.length === 0) await writeReport(runs)
  for (const { seed, failure } of failed) process.stderr.write(`seed ${seed} failed: ${failure}\n`)
  return failed.length === 0 ? 0 : 1
}

function readRecord(seed: number): RunRecord {
  return JSON.parse(readFileSync(recordFile(outputOf(seed)), 'utf8')) as RunRecord
}

function outputOf(seed: number): string {
  return join(OUTPUT, `seed-${seed}`)
}
