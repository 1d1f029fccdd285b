/** npm run demo [-- --once] [-- --cluster]: shows the whole way from a Service to traffic, and removes every trace afterwards. */
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Lab } from '../lab/lab.ts'
import { runClusterDemo } from './cluster.ts'
import { runLightDemo } from './light.ts'
import { say } from './show.ts'

const { values } = parseArgs({
  options: { once: { type: 'boolean', default: false }, cluster: { type: 'boolean', default: false } },
})
const ending = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => ending.abort(new Error('ended by the user')))

const started = performance.now()
let lab: Lab | undefined
const own = (one: Lab) => {
  lab = one
}

try {
  await (values.cluster ? runClusterDemo : runLightDemo)(own, ending.signal)
  say(`Done in ${((performance.now() - started) / 1000).toFixed(1)} s.`)
  if (!values.once && lab !== undefined) await stay(lab)
} catch (error) {
  if (!ending.signal.aborted) {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
} finally {
  if (lab !== undefined) {
    process.stderr.write('removing every trace …\n')
    await lab.stop(AbortSignal.timeout(60_000))
  }
}

async function stay({ kubeconfig }: Lab): Promise<void> {
  say('It all stays up for you to try, in another shell. Ctrl-C ends it.')
  process.stdout.write(`export KUBECONFIG=${kubeconfig}\n`)
  await delay(2 ** 31 - 1, undefined, { signal: ending.signal })
}
