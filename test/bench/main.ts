/**
 * npm run bench -- NAME [--json] [--write] [--proxy NAME]: measures, and prints a table, or one object on one line. With `--write` docs/bench is written
 * anew. `edge` measures with HAProxy, or with what `--proxy` says.
 */
import { parseArgs } from 'node:util'
import { toStderr } from '../lab/progress.ts'
import { prepareMachine } from '../lab/requirements.ts'
import { benchEdge } from './edge.ts'
import { benchPass } from './pass.ts'
import { benchSync } from './sync.ts'
import { type Row, toJson, toTable } from './table.ts'

interface Bench {
  readonly run: (signal: AbortSignal, write: boolean, proxy?: string) => Promise<readonly Row[]>
  /** Whether it needs the lab's programs. */
  readonly lab: boolean
}

const BENCHES: Readonly<Record<string, Bench>> = {
  edge: { run: benchEdge, lab: true },
  pass: { run: benchPass, lab: false },
  sync: { run: benchSync, lab: true },
}

const { values, positionals } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    proxy: { type: 'string' },
  },
  allowPositionals: true,
})
const [name = ''] = positionals
const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined
if (bench === undefined) {
  process.stderr.write(
    `usage: npm run bench -- NAME [--json] [--write] [--proxy NAME]; NAME is one of: ${Object.keys(BENCHES).join(', ')}\n`,
  )
  process.exitCode = 2
} else {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => stop.abort(new Error(`ended by ${signal}`)))
  if (bench.lab) await prepareMachine(['api'], toStderr, stop.signal)
  const rows = await bench.run(stop.signal, values.write, values.proxy)
  process.stdout.write(`${values.json ? toJson(name, rows) : toTable(rows)}\n`)
}
