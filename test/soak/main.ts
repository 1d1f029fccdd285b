/**
 * npm run churn [-- --minutes N] [--services N] [--nodes N]: the operator, the edge and HAProxy, as they are shipped, under a churn of Services, nodes and
 * endpoints that never ends. Prints a table of what they took over time, and fails when anything has grown, or is late more and more.
 */
import { parseArgs } from 'node:util'
import { type Chain, startChain } from '../bench/reaction-chain.ts'
import { figure, type Row, toTable } from '../bench/table.ts'
import { step, toStderr } from '../lab/progress.ts'
import { prepareMachine } from '../lab/requirements.ts'
import { delay } from '../lab/wait.ts'
import { type Churn, startChurn } from './churn.ts'
import { judge, type Sample } from './flat.ts'
import { takeSample } from './sample.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    services: { type: 'string', default: '5000' },
    nodes: { type: 'string', default: '1000' },
  },
})
const MINUTES = Number(values.minutes)
const SAMPLES = 120
/** Caches, connections and the machine code of what is done often have their size after so much of the time. */
const WARM_UP = 0.25
const MOST_PAUSE_MS = 15_000

const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => stop.abort(new Error(`ended by ${name}`)))
await prepareMachine(['api'], toStderr, stop.signal)
const chain = await startChain(Number(values.services), Number(values.nodes), stop.signal)
try {
  const churn = startChurn(
    chain.cluster,
    { services: Number(values.services), nodes: Number(values.nodes) },
    stop.signal,
  )
  const samples = await step(toStderr, `${MINUTES} minutes of churn`, () => watch(chain, churn, stop.signal))
  const changes = await churn.end()
  const rows: readonly Row[] = [
    figure('minutes', MINUTES, ''),
    ...Object.entries(changes).map(([what, count]) => figure(`changes: ${what}`, count, '')),
    ...judge(samples.slice(Math.floor(samples.length * WARM_UP))),
  ]
  process.stdout.write(`${toTable(rows)}\n\n${overTime(samples)}\n`)
  if (rows.some(({ met }) => !met)) process.exitCode = 1
} finally {
  await chain.stop()
}

/** Looks again and again at what the processes take, and how long a change takes to be served. */
async function watch(
  { operator, edge, haproxy }: Chain,
  churn: Churn,
  signal: AbortSignal,
): Promise<readonly Sample[]> {
  const samples: Sample[] = []
  const endsAt = performance.now() + MINUTES * 60_000
  const pauseMs = Math.min(MOST_PAUSE_MS, (MINUTES * 60_000) / SAMPLES)
  while (performance.now() < endsAt) {
    const lateMs = await churn.probe()
    const pids = { operator: operator.pid, edge: edge.pid(), haproxy: await haproxy.pids() }
    samples.push({ lateMs, ...takeSample(pids) })
    await delay(pauseMs, signal)
  }
  return samples
}

/** Ten lines: of each tenth of the time the middle sample. */
function overTime(samples: readonly Sample[]): string {
  const lines = Array.from({ length: 10 }, (_, tenth) => samples[Math.floor(((tenth + 0.5) * samples.length) / 10)])
  const head = 'part  operator MB  open  edge MB  open  HAProxies  MB  late ms'
  const text = lines.flatMap((one, tenth) =>
    one === undefined
      ? []
      : `${tenth + 1}/10  ${mb(one.operatorBytes)}  ${one.operatorFiles}  ${mb(one.edgeBytes)}  ${one.edgeFiles}  ${one.haproxies}  ${mb(one.haproxyBytes)}  ${Math.round(one.lateMs)}`,
  )
  return [head, ...text].join('\n')
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(0)
}
