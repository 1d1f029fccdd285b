import { errorText } from '../model/problems.ts'
import type { ApiRequest, KubeClient } from './client.ts'
import { type Clock, pause, systemClock } from './clock.ts'
import { withoutWords, wordsOn } from './confirm.ts'
import { ApiError } from './errors.ts'
import type { Log } from './log.ts'
import { FIELD_MANAGER } from './status.ts'
import { fromWire } from './wire.ts'

export interface LeaderElectionOptions {
  readonly client: KubeClient
  readonly namespace: string
  readonly name: string
  /** Unique to this process: the pod's name and something random. */
  readonly identity: string
  readonly log: Log
  readonly clock?: Clock | undefined
  /** Is told what `fairway confirm` has written onto the Lease, once it was taken off again. */
  readonly onConfirmed?: ((words: readonly string[]) => void) | undefined
  /** client-go's defaults for core components: 15, 10 and 2 s. */
  readonly leaseMs?: number | undefined
  readonly renewDeadlineMs?: number | undefined
  readonly retryMs?: number | undefined
}

/** The work ended and the lease was given up; it was lost; or the signal came before it was ever held. */
export type Tenure = 'ended' | 'lost' | 'stopped'

interface LeaseSpec {
  readonly holderIdentity?: string
  readonly leaseDurationSeconds?: number
  readonly acquireTime?: string
  readonly renewTime?: string
  readonly leaseTransitions?: number
}

interface Lease {
  readonly metadata?: {
    readonly resourceVersion?: string
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec?: LeaseSpec
}

type Attempt = 'held' | 'taken' | 'failed'

/** client-go: JitterFactor. */
const JITTER = 1.2
/** The count that a new Lease starts from rises by one in each such interval. See `#create`. */
const EPOCH_INTERVAL_MS = 10_000

/**
 * Leader election on a Lease (coordination.k8s.io/v1), by the rules of client-go's tools/leaderelection: whether another's lease has expired
 * is judged by when we saw it change, on our own clock, never by the times in it; the holder updates optimistically and reads only after a
 * conflict; it gives up well before others may take over. A lease cannot stop a write that is under way already, so every write to a proxy
 * carries the `epoch`, which rises with each new holder.
 */
export class LeaderElection {
  readonly #client: KubeClient
  readonly #log: Log
  readonly #clock: Clock
  readonly #path: string
  readonly #name: string
  readonly #identity: string
  readonly #leaseMs: number
  readonly #renewDeadlineMs: number
  readonly #retryMs: number
  readonly #onConfirmed: (words: readonly string[]) => void
  #lease: Lease | undefined
  #seenAt = 0
  /** When the last renewal that succeeded was sent. */
  #renewedAt: number | undefined

  constructor(options: LeaderElectionOptions) {
    this.#client = options.client
    this.#log = options.log
    this.#clock = options.clock ?? systemClock
    this.#path = `/apis/coordination.k8s.io/v1/namespaces/${options.namespace}/leases`
    this.#name = options.name
    this.#identity = options.identity
    this.#leaseMs = options.leaseMs ?? 15_000
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000
    this.#retryMs = options.retryMs ?? 2000
    this.#onConfirmed = options.onConfirmed ?? (() => undefined)
  }

  /** Whether we hold it at this very moment. To be asked right before a write: a stopped process wakes up with its timers late. */
  get held(): boolean {
    return this.#renewedAt !== undefined && this.#clock.now() - this.#renewedAt < this.#renewDeadlineMs
  }

  /** Who holds it, as last seen. */
  get holder(): string | undefined {
    return this.#lease?.spec?.holderIdentity === '' ? undefined : this.#lease?.spec?.holderIdentity
  }

  /** The Lease's transition count, as last seen: the fence that writes carry. */
  get epoch(): number {
    return this.#lease?.spec?.leaseTransitions ?? 0
  }

  /**
   * Waits until the lease is ours, then does the work and renews meanwhile. `lost` aborts when the lease is lost; the work shall end at once then,
   * and the process with it. `signal` ends only the waiting: work in hand ends itself, and the lease is released after it.
   */
  async run(work: (epoch: number, lost: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<Tenure> {
    if (!(await this.#acquire(signal))) return 'stopped'
    this.#log.info({ epoch: this.epoch }, 'this replica leads')
    const lost = new AbortController()
    const over = new AbortController()
    const working = work(this.epoch, lost.signal).finally(() => over.abort())
    // The result is looked at below; a failure meanwhile is not unhandled.
    working.catch(() => undefined)
    if (!(await this.#keep(over.signal))) {
      this.#renewedAt = undefined
      this.#log.error({ holder: this.holder }, 'the lease is lost')
      lost.abort(new Error('the lease is lost'))
      await working.catch((error: unknown) => {
        this.#log.warn({ err: error }, `the work ended badly after the lease was lost: ${errorText(error)}`)
      })
      return 'lost'
    }
    try {
      await working
    } finally {
      await this.#release()
    }
    return 'ended'
  }

  async #acquire(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      if ((await this.#attempt(this.#clock.now() + this.#renewDeadlineMs)) === 'held') return true
      const delayMs = this.#retryMs * (1 + JITTER * this.#clock.random())
      await pause(this.#clock, delayMs, signal)
    }
    if (this.held) await this.#release()
    return false
  }

  /** Renews until the work is over (true) or the lease is lost (false). */
  async #keep(over: AbortSignal): Promise<boolean> {
    for (;;) {
      const until = (this.#renewedAt ?? 0) + this.#renewDeadlineMs
      await pause(this.#clock, Math.max(0, Math.min(this.#retryMs, until - this.#clock.now())), over)
      if (over.aborted) return true
      if (!this.held || (await this.#attempt(until)) === 'taken') return false
    }
  }

  /** Takes or renews it, if it may be taken, by a point in time. Any failure is one to try again. */
  async #attempt(until: number): Promise<Attempt> {
    try {
      if (this.held && (await this.#update(this.#ours(this.#lease?.spec), until))) return 'held'
      const lease = await this.#read(until)
      if (lease === undefined) return await this.#create(until)
      if (!this.#mayTake(lease.spec)) return 'taken'
      return (await this.#update(this.#ours(lease.spec), until)) ? 'held' : 'failed'
    } catch (error) {
      this.#log.warn({ err: error }, `the lease could not be renewed or taken: ${errorText(error)}`)
      return 'failed'
    }
  }

  #mayTake(spec: LeaseSpec = {}): boolean {
    if ((spec.holderIdentity ?? '') === '' || spec.holderIdentity === this.#identity) return true
    return this.#clock.now() - this.#seenAt >= (spec.leaseDurationSeconds ?? 0) * 1000
  }

  /** The record with us as holder. The count rises unless we were it already. */
  #ours(before: LeaseSpec = {}): LeaseSpec {
    const now = microTime(this.#clock.wallNow())
    const again = before.holderIdentity === this.#identity
    return {
      ...before,
      holderIdentity: this.#identity,
      leaseDurationSeconds: Math.round(this.#leaseMs / 1000),
      renewTime: now,
      acquireTime: again ? (before.acquireTime ?? now) : now,
      leaseTransitions: (before.leaseTransitions ?? 0) + (again ? 0 : 1),
    }
  }

  async #read(until: number): Promise<Lease | undefined> {
    try {
      const lease = await this.#ask({ method: 'GET', path: `${this.#path}/${this.#name}` }, until)
      this.#see(lease)
      return lease
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined
      throw error
    }
  }

  /** False: somebody was faster. */
  async #update(spec: LeaseSpec, until: number): Promise<boolean> {
    const sentAt = this.#clock.now()
    const isOurs = spec.holderIdentity === this.#identity
    const words = isOurs ? wordsOn(this.#lease) : []
    const body = { ...(words.length > 0 && this.#lease ? withoutWords(this.#lease) : this.#lease), spec }
    try {
      this.#see(await this.#ask({ method: 'PUT', path: `${this.#path}/${this.#name}`, body }, until))
    } catch (error) {
      if (error instanceof ApiError && (error.status === 409 || error.status === 404)) return false
      // The words may be off the Lease all the same, and whoever said them is told that they were heard.
      if (words.length > 0) this.#onConfirmed(words)
      throw error
    }
    this.#renewedAt = isOurs ? sentAt : undefined
    if (words.length > 0) this.#onConfirmed(words)
    return true
  }

  /**
   * A Lease that is made anew (somebody deleted the old one) must not count from zero: proxies remember the highest count and would refuse us
   * for good. So it starts from the time, in steps so short that no succession of holders can outrun it.
   */
  async #create(until: number): Promise<Attempt> {
    const sentAt = this.#clock.now()
    const spec = this.#ours({ leaseTransitions: Math.floor(this.#clock.wallNow() / EPOCH_INTERVAL_MS) })
    const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: this.#name }, spec }
    this.#see(await this.#ask({ method: 'POST', path: this.#path, body }, until))
    this.#renewedAt = sentAt
    return 'held'
  }

  /** One request may take half the renew deadline, so that one that hangs leaves time for another; and none may end after it. */
  async #ask(request: Pick<ApiRequest, 'method' | 'path' | 'body'>, until: number): Promise<Lease> {
    const timeoutMs = Math.max(1, Math.min(this.#renewDeadlineMs / 2, until - this.#clock.now()))
    const query = request.method === 'GET' ? {} : { fieldManager: FIELD_MANAGER }
    const { body } = await this.#client.request({ ...request, query, timeoutMs }, FOREVER)
    return fromWire<Lease>(body)
  }

  /** A change of the record counts, not of anything else about the Lease. */
  #see(lease: Lease): void {
    if (JSON.stringify(lease.spec) !== JSON.stringify(this.#lease?.spec)) this.#seenAt = this.#clock.now()
    this.#lease = lease
  }

  /** Lets others in without waiting for expiry. Only called when nothing of ours writes any more. */
  async #release(): Promise<void> {
    const until = this.#clock.now() + this.#renewDeadlineMs
    try {
      for (let tries = 0; tries < 3; tries += 1) {
        const now = microTime(this.#clock.wallNow())
        const free = { holderIdentity: '', leaseDurationSeconds: 1, renewTime: now, acquireTime: now }
        if (await this.#update({ ...this.#lease?.spec, ...free }, until)) return
        const lease = await this.#read(until)
        if (lease?.spec?.holderIdentity !== this.#identity) return
      }
    } catch (error) {
      this.#log.warn({ err: error }, `the lease was not released, others wait for its end: ${errorText(error)}`)
    } finally {
      this.#renewedAt = undefined
    }
  }
}

/** Requests end by their timeouts: aborting one would leave open whether it took effect. */
const FOREVER = new AbortController().signal

/** meta/v1 MicroTime: six digits of a second. */
function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace('Z', '000Z')
}
