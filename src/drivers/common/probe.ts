import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { codeOf } from '../../http/failures.ts'
import { type Family, familyOf } from '../../model/address.ts'

/** What a connection attempt tells about an address and port. `unknown`: a firewall, or no way for us to tell. */
export type Verdict = 'open' | 'refused' | 'unreachable' | 'unknown'

export interface DialTarget {
  readonly address: string
  readonly port: number
}

/** Dials every target once; each verdict is at the index of its target. */
export type Dial = (targets: readonly DialTarget[], signal: AbortSignal) => Promise<readonly Verdict[]>

/** Linux gives up asking for an address on its own network after about three seconds, and only then says that no host is there. */
const ONE_DIAL_MS = 3_500
const AT_ONCE = 64
/** An address without a host is not dialled again so soon: the wait for its silence would hold up the frontends of others at every pass. */
const REMEMBER_MS = 10_000

/** Dials with a bound on each attempt, on how many run at once, and on all together: what is still open then is `unknown`. */
export function createDial(budgetMs: number): Dial {
  const silentUntil = new Map<string, number>()
  const ask = async (target: DialTarget, limit: AbortSignal): Promise<Verdict> => {
    if (performance.now() < (silentUntil.get(target.address) ?? 0)) return 'unreachable'
    silentUntil.delete(target.address)
    const verdict = await dialOne(target, limit)
    if (verdict === 'unreachable') silentUntil.set(target.address, performance.now() + REMEMBER_MS)
    return verdict
  }
  return async (targets, signal) => {
    const verdicts: Verdict[] = targets.map(() => 'unknown')
    const limit = AbortSignal.any([signal, AbortSignal.timeout(budgetMs)])
    let next = 0
    const work = async () => {
      while (next < targets.length && !limit.aborted) {
        const index = next++
        const target = targets[index]
        if (target !== undefined) verdicts[index] = await ask(target, limit)
      }
    }
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, targets.length) }, work))
    signal.throwIfAborted()
    return verdicts
  }
}

function dialOne({ address, port }: DialTarget, limit: AbortSignal): Promise<Verdict> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port })
    const settle = (verdict: Verdict) => {
      clearTimeout(timer)
      limit.removeEventListener('abort', stop)
      socket.destroy()
      resolve(verdict)
    }
    const stop = () => settle('unknown')
    const timer = setTimeout(stop, ONE_DIAL_MS)
    limit.addEventListener('abort', stop, { once: true })
    socket.on('connect', () => settle('open'))
    socket.on('error', (error) => settle(verdictOf(codeOf(error), () => hasRoutes(familyOf(address)))))
  })
}

/**
 * What a failed attempt means. Without any address of the family of our own, "no route" tells about us alone: an operator in an IPv4 cluster may
 * well program IPv6 frontends.
 */
export function verdictOf(code: string, weHaveFamily: () => boolean): Verdict {
  if (code === 'ECONNREFUSED') return 'refused'
  const noWay = code === 'EHOSTUNREACH' || code === 'ENETUNREACH' || code === 'EADDRNOTAVAIL'
  return noWay && weHaveFamily() ? 'unreachable' : 'unknown'
}

function hasRoutes(family: Family): boolean {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .some((one) => one.family === family && !one.internal && !one.address.startsWith('fe80:'))
}
