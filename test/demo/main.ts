/** npm run demo [-- --once] [-- --cluster] [-- --proxy caddy]: shows the whole way from a Service to traffic, and removes every trace afterwards. */
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Lab } from '../lab/lab.ts'
import { runClusterDemo } from './cluster.ts'
import { runLightDemo } from './light.ts'
import { type DemoProxy, type ProxyKind, proxyKinds } from './proxies.ts'
import { say } from './show.ts'

const started = performance.now()
const ending = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => ending.abort(new Error('ended by the user')))

let lab: Lab | undefined
const own = (one: Lab) => {
  lab = one
}

try {
  const { once, cluster, kind } = readArguments()
  const proxy = await (cluster ? runClusterDemo : runLightDemo)(kind, own, ending.signal)
  say(`Done in ${((performance.now() - started) / 1000).toFixed(1)} s.`)
  if (!once && lab !== undefined) await stay(lab, proxy)
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

function readArguments(): { readonly once: boolean; readonly cluster: boolean; readonly kind: ProxyKind } {
  const { once, cluster, proxy } = parseArgs({
    options: {
      once: { type: 'boolean', default: false },
      cluster: { type: 'boolean', default: false },
      proxy: { type: 'string', default: 'haproxy' },
    },
  }).values
  const kinds: Readonly<Record<string, ProxyKind>> = proxyKinds
  const kind = Object.hasOwn(kinds, proxy) ? kinds[proxy] : undefined
  if (kind === undefined) throw new Error(`there is no proxy "${proxy}"; there are: ${Object.keys(kinds).join(', ')}`)
  return { once, cluster, kind }
}

async function stay({ kubeconfig, binDir }: Lab, { looks }: DemoProxy): Promise<void> {
  say('It all stays up for you to try, in another shell. Ctrl-C ends it.')
  const lines = [
    `export KUBECONFIG=${kubeconfig} PATH=${binDir}:$PATH`,
    'kubectl annotate service web fairway.dev/address=203.0.113.12      # it moves there',
    'nsenter --net=/run/netns/fairway-client curl http://203.0.113.12/',
    'kubectl cordon n2      # gets no new connections',
    'kubectl annotate service web fairway.dev/balance=sauce --overwrite      # a slip, told as an Event',
    'kubectl describe service web',
    ...looks,
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
  await delay(2 ** 31 - 1, undefined, { signal: ending.signal })
}
