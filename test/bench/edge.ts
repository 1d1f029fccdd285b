/** `fairway edge` at 10, 500 and 5,000 frontends over 1,000 nodes. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { step, toStderr } from '../lab/progress.ts'
import { bundleInto, edgeFlags } from './edge-bundle.ts'
import { writeEdgeDocument } from './edge-document.ts'
import { startMachine, startNodes } from './edge-machine.ts'
import { edgeRows } from './edge-rows.ts'
import { type Measured, measureChanges, ROUNDS } from './edge-series.ts'
import { createCluster, PORTS } from './edge-tables.ts'
import { PROGRAMS } from './programs.ts'
import type { Row } from './table.ts'

const SIZES = [10, 500, 5_000]
const ROOT = resolve(import.meta.dirname, '../..')

/** `proxy`: a name of programs.ts. `write`: its document in docs/bench and the chart are written anew. */
export async function benchEdge(signal: AbortSignal, write: boolean, proxy = 'haproxy'): Promise<readonly Row[]> {
  const kind = PROGRAMS[proxy]
  if (kind === undefined) throw new Error(`--proxy is one of: ${Object.keys(PROGRAMS).join(', ')}`)
  const dir = mkdtempSync(join(tmpdir(), 'fairway-bench-'))
  const nodes = await startNodes()
  try {
    // A proxy's machine runs a bundle, so that is what is measured.
    const program = [...edgeFlags(), bundleInto(dir)]
    const measured: Measured[] = []
    for (const frontends of SIZES) {
      const cluster = createCluster(frontends / PORTS, ROUNDS, nodes.port)
      const machine = await startMachine(kind, program)
      try {
        const work = () => measureChanges(machine, cluster, frontends, signal)
        measured.push(await step(toStderr, `${frontends} frontends`, work))
      } finally {
        await machine.close()
      }
    }
    if (write) writeEdgeDocument(join(ROOT, 'docs/bench'), proxy, kind, measured)
    return edgeRows(kind, measured)
  } finally {
    await nodes.stop()
    rmSync(dir, { recursive: true })
  }
}
