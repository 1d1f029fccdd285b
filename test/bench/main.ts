/**
 * npm run bench [-- NAME...] [--json] [--write] [--proxy NAME]: measures, one benchmark after the other, and prints a table of each, or one object on
 * one line. Without a name all of them run. With `--write` what was found goes into docs/bench/performance.json and .svg, and into the document of a benchmark
 * that has one. `edge` measures with HAProxy, or with what `--proxy` says.
 */
import { parseArgs } from 'node:util'
import { toStderr } from '../lab/progress.ts'
import { prepareMachine } from '../lab/requirements.ts'
import { writePerformance } from './performance.ts'
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
  for (const { name, title, run } of benches) {
    toStderr(`== ${name}: ${title}`)
    const rows = await run(stop.signal, values.write, values.proxy)
    // At once: a later one may fail, or be ended. Of `edge` the table holds HAProxy's figures.
    if (values.write && values.proxy === undefined) writePerformance({ bench: name, title, rows }, Object.keys(BENCHES))
    process.stdout.write(values.json ? `${toJson(name, rows)}\n` : `${title}\n${toTable(rows)}\n\n`)
  }
}
