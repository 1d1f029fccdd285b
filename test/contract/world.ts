/** What each test of the suite has: a proxy, two targets of each protocol, and clients' patience. */
import { networkInterfaces } from 'node:os'
import type { Capabilities } from '../../src/model/driver.ts'
import { freePort } from '../lab/free-port.ts'
import { type Backend, startTcpBackend, startUdpBackend } from './backends.ts'
import type { Harness, HarnessKind } from './harness.ts'
import { local } from './net.ts'
import type { Groups } from './tables.ts'

export interface World {
  readonly harness: Harness
  /** What the proxy says that it can do. */
  readonly can: Capabilities
  /** Aborted when the test takes too long, and when it is over. */
  readonly signal: AbortSignal
  /** The port of all targets, TCP and UDP. */
  readonly targetPort: number
  /** `both`, `a`, `b`, `v6` and `none`. The targets call themselves `a`, `b` and `v6`. */
  readonly groups: Groups
  /** A port that is free on all addresses that tests publish. */
  port(): Promise<number>
}

/** Containers often have no IPv6, not even on loopback. */
export const NO_IPV6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'))
  ? undefined
  : 'needs IPv6 on loopback (sysctl net.ipv6.conf.lo.disable_ipv6=0)'
const V6 = NO_IPV6 === undefined ? { v6: '::1' } : {}
const PUBLISHED = [local(5), local(6), ...Object.values(V6)]
const TARGETS = { a: local(11), b: local(12), ...V6 } as const
const TEST_TAKES_AT_MOST_MS = 45_000

/** Runs a test in a world of its own, and takes that down whatever happens. */
export async function inWorld(kind: HarnessKind, test: (world: World) => Promise<void>): Promise<void> {
  const backends: Backend[] = []
  let harness: Harness | undefined
  const over = new AbortController()
  const signal = AbortSignal.any([over.signal, AbortSignal.timeout(TEST_TAKES_AT_MOST_MS)])
  try {
    const targetPort = await freePort(...Object.values(TARGETS))
    for (const [name, address] of Object.entries(TARGETS)) {
      backends.push(await startTcpBackend(name, { address, port: targetPort }))
      backends.push(await startUdpBackend(name, { address, port: targetPort }))
    }
    harness = await kind.start()
    const { capabilities: can } = await harness.driver().read(signal)
    const a = { name: 'a', address: TARGETS.a }
    const b = { name: 'b', address: TARGETS.b }
    const groups = { both: [a, b], a: [a], b: [b], v6: [{ name: 'v6', address: '::1' }], none: [] }
    const port = () => freePort(...PUBLISHED)
    await test({ harness, can, signal, targetPort, groups, port })
  } finally {
    over.abort()
    await harness?.close()
    await Promise.all(backends.map((backend) => backend.close()))
  }
}

/** Waits until something holds: for what a proxy does after it has answered. */
export async function eventually(what: string, holds: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await holds())) {
    signal.throwIfAborted()
    if (Date.now() > deadline) throw new Error(`still not: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
