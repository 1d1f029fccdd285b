/**
 * What the Data Plane API calls to reload HAProxy: `node dataplane-reload.ts MASTER_SOCKET LOG`. Ends well once a new worker runs; otherwise says what
 * HAProxy has said since, and fails.
 */
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { createMaster } from '../../src/edge/engines/haproxy/master.ts'

const PATIENCE_MS = 4_000

const [masterSocket = '', logFile = ''] = process.argv.slice(2)
const master = createMaster(masterSocket)

/** Process id of the worker that serves; undefined while the master does not answer. */
async function workerOf(): Promise<string | undefined> {
  const text = await master.ask('show proc', AbortSignal.timeout(PATIENCE_MS)).catch(() => '')
  return /# workers\n(\d+)\s/.exec(text)?.[1]
}

const before = await workerOf()
const said = (await readFile(logFile, 'utf8')).length
await master.reload(AbortSignal.timeout(PATIENCE_MS))
const deadline = Date.now() + PATIENCE_MS
for (;;) {
  const now = await workerOf()
  if (now !== undefined && now !== before) process.exit(0)
  if (Date.now() > deadline) break
  await sleep(20)
}
process.stderr.write((await readFile(logFile, 'utf8')).slice(said))
process.exit(1)
