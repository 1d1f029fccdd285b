/**
 * npm run bench [-- NAME...] [--json] [--write] [--proxy NAME]: measures, one benchmark after the other, and prints a table of each, or one object on
 * one line. Without a name all of them run; with `--write` docs/bench/performance.json and .svg are then written anew, and the document of a benchmark that
 * has one. `edge` measures with HAProxy, or with what `--proxy` says.
 */
import { parseArgs } from 'node:util'
import { toStderr } from '../lab/progress.ts'
import { prepareMachine } from '../lab/requirements.ts'
import { type Result, writePerformance } from './performance.ts'
import { BENCHES } from './registry.ts'
import { toJson, toTable } from './table.ts'

const { values, positionals } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    proxy: { type: 'string' },
  },
  allowPositionals: true,
})
const names = positionals.length === 0 ? Object.keys(BENCHES) : positionals
const unknown = names.find((name) => !Object.hasOwn(BENCHES, name))
if (unknown === undefined) {
  await measure(names)
} else {
  process.stderr.write(
    `there is no ${unknown}; usage: npm run bench [-- NAME...] [--json] [--write] [--proxy NAME]; NAME is one of: ${Object.keys(BENCHES).join(', ')}\n`,
  )
  process.exitCode = 2
}

async function measure(wanted: readonly string[]): Promise<void> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => stop.abort(new Error(`ended by ${signal}`)))
  const benches = wanted.flatMap((name) => {
    const bench = BENCHES[name]
    return bench === undefined ? [] : [{ name, ...bench }]
  })
  if (benches.some(({ lab }) => lab)) await prepareMachine(['api'], toStderr, stop.signal)
  const results: Result[] = []
  for (const { name, title, run } of benches) {
    toStderr(`== ${name}: ${title}`)
    const rows = await run(stop.signal, values.write, values.proxy)
    results.push({ bench: name, title, rows })
    process.stdout.write(values.json ? `${toJson(name, rows)}\n` : `${title}\n${toTable(rows)}\n\n`)
  }
  if (values.write && positionals.length === 0) writePerformance(results)
}
