/** npm run bench -- NAME [--json]: measures, and prints a table, or one object on one line. */
import { parseArgs } from 'node:util'
import { toStderr } from '../lab/progress.ts'
import { prepareMachine } from '../lab/requirements.ts'
import { benchSync } from './sync.ts'
import { type Row, toJson, toTable } from './table.ts'

const BENCHES: Readonly<Record<string, (signal: AbortSignal) => Promise<readonly Row[]>>> = { sync: benchSync }

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const [name = ''] = positionals
const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined
if (bench === undefined) {
  process.stderr.write(`usage: npm run bench -- NAME [--json]; NAME is one of: ${Object.keys(BENCHES).join(', ')}\n`)
  process.exitCode = 2
} else {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => stop.abort(new Error(`ended by ${signal}`)))
  await prepareMachine(['api'], toStderr, stop.signal)
  const rows = await bench(stop.signal)
  process.stdout.write(`${values.json ? toJson(name, rows) : toTable(rows)}\n`)
}
