/** 100 of 1,000 nodes lose and regain `Ready` once a second for a minute: what reaches the proxy, what it costs, and whether anything is left behind. */
import { setTimeout as sleep } from 'node:timers/promises'
import { step, toStderr } from '../lab/progress.ts'
import { waitFor } from '../lab/wait.ts'
import { type Chain, processorMs, startChain } from './reaction-chain.ts'
import { inLanes } from './reaction-cluster.ts'
import { atMost, figure, type Row } from './table.ts'

const SERVICES = 5_000
const NODES = 1_000
const FLAPPING = 100
const SECONDS = 60
const LANES = 16
const MOST_WRITES_PER_SECOND = 2
/** From the last flap until HAProxy has all nodes again. */
const RIGHT_WITHIN_S = 5
/** A backlog is a figure, not a hanging benchmark. */
const WAITS_AT_MOST_MS = 60_000

export async function benchFlaps(signal: AbortSignal): Promise<readonly Row[]> {
  const chain = await startChain(SERVICES, NODES, signal)
  try {
    return await step(toStderr, `${FLAPPING} nodes flap for ${SECONDS} s`, () => measure(chain, signal))
  } finally {
    await chain.stop()
  }
}

async function measure(chain: Chain, signal: AbortSignal): Promise<readonly Row[]> {
  const { cluster, edge, operator } = chain
  await untilRight(chain, signal)
  const writesBefore = await countWrites(chain)
  const [operatorBefore, edgeBefore] = [processorMs(operator.pid), processorMs(edge.pid())]
  const startedAt = performance.now()
  for (let second = 0; second < SECONDS; second++) {
    await sleep(Math.max(0, startedAt + 1_000 * second - performance.now()), undefined, { signal })
    // Ends with all nodes ready.
    const ready = second % 2 === 1
    const work = Array.from({ length: FLAPPING }, (_, node) => () => cluster.setReady(node, ready, signal))
    await inLanes(work, LANES)
  }
  const tookS = (performance.now() - startedAt) / 1_000
  const share = (pid: number, before: number) => (processorMs(pid) - before) / 10 / tookS
  const [operatorShare, edgeShare] = [share(operator.pid, operatorBefore), share(edge.pid(), edgeBefore)]
  const rightS = (await untilRight(chain, signal)) / 1_000
  const writes = (await countWrites(chain)) - writesBefore
  if (writes === 0) throw new Error('no flap has reached the proxy')
  return [
    atMost('writes to the proxy a second', writes / tookS, '', MOST_WRITES_PER_SECOND),
    atMost('from the last flap until the proxy has all nodes', rightS, 's', RIGHT_WITHIN_S),
    figure('processor time of the operator', operatorShare, '% of a core'),
    figure('processor time of the edge', edgeShare, '% of a core'),
    figure(`what ${SECONDS} rounds of flaps took`, tookS, 's'),
  ]
}

/** Requests that the edge has heard and that change its table. */
async function countWrites({ edge }: Chain): Promise<number> {
  return (await edge.log()).split('\n').filter((line) => /"method":"(?:PUT|PATCH)"/.test(line)).length
}

/** Waits until HAProxy itself has every node, and gives how long that took, in milliseconds. */
async function untilRight({ haproxy, operator }: Chain, signal: AbortSignal): Promise<number> {
  const startedAt = performance.now()
  const isRight = async () => {
    const { backends } = await haproxy.running()
    const groups = [...backends].filter(([name]) => name.startsWith('fairway.to.'))
    return groups.length > 0 && groups.every(([, servers]) => readyOf([...servers.values()]) === NODES)
  }
  const timing = { timeoutMs: WAITS_AT_MOST_MS, intervalMs: 50, daemons: [operator] }
  await waitFor('HAProxy to have all nodes', isRight, timing, signal)
  return performance.now() - startedAt
}

function readyOf(servers: readonly { readonly maintenance: boolean; readonly weight: number }[]): number {
  return servers.filter(({ maintenance, weight }) => !maintenance && weight > 0).length
}
