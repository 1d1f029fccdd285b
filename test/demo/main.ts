/** npm run demo [-- OPTIONS]: shows the whole way from a Service to traffic, and removes every trace afterwards. */
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Lab } from '../lab/lab.ts'
import { runClusterDemo } from './cluster.ts'
import { runLightDemo } from './light.ts'
import { proxyKinds } from './proxies.ts'
import type { DemoProxy, ProxyKind } from './proxy.ts'
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
  const wishes = readArguments()
  if (wishes === undefined) process.stdout.write(usage())
  else await run(wishes, ending.signal)
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

async function run({ once, cluster, kind }: Wishes, signal: AbortSignal): Promise<void> {
  const proxy = await (cluster ? runClusterDemo : runLightDemo)(kind, own, signal)
  say(`Done in ${((performance.now() - started) / 1000).toFixed(1)} s.`)
  if (!once && lab !== undefined) await stay(lab, proxy)
}

function usage(): string {
  const proxies = [...proxyKinds].map(([name, { what }]) => `                    ${name.padEnd(11)}${what}`)
  return `usage: npm run demo -- [OPTIONS]

Starts Kubernetes, a proxy outside it and the operator in network namespaces, exposes a Service and curls it from outside.
Needs root. Ctrl-C ends it, and removes every trace.

  --once          end by itself
  --cluster       a whole cluster, with kubelets and pods, in place of an API server alone
  --proxy NAME    the proxy, by default haproxy:
${proxies.join('\n')}
`
}

interface Wishes {
  readonly once: boolean
  readonly cluster: boolean
  readonly kind: ProxyKind
}

/** Undefined: who has started it wants to know how. */
function readArguments(): Wishes | undefined {
  const { once, cluster, proxy, help } = parseArgs({
    options: {
      once: { type: 'boolean', default: false },
      cluster: { type: 'boolean', default: false },
      proxy: { type: 'string', default: 'haproxy' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  }).values
  if (help) return undefined
  const kind = proxyKinds.get(proxy)
  if (kind === undefined)
    throw new Error(`there is no proxy "${proxy}"; there are: ${[...proxyKinds.keys()].join(', ')}`)
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
