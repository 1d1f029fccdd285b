import type { FairwayError } from '../model/problems.ts'
import type { Clock } from './clock.ts'
import { isExpired } from './errors.ts'
import type { Log } from './log.ts'
import { failureOf, type Retry } from './reflector-policy.ts'

/** Whether the API server answers a reflector. Says so in the log when that changes, and not again while it stays. */
export class ReflectorHealth {
  readonly #clock: Clock
  readonly #log: Log
  readonly #resource: string
  #lastError: FairwayError | undefined
  #warned = false
  #contactAt: number | undefined

  /** `log` names the resource already. */
  constructor(clock: Clock, log: Log, resource: string) {
    this.#clock = clock
    this.#log = log
    this.#resource = resource
  }

  /** What is wrong at the moment; undefined once the API server answers again. */
  get lastError(): FairwayError | undefined {
    return this.#lastError
  }

  /** How long ago the API server last sent anything, in milliseconds; undefined: never. A healthy watch brings a bookmark a minute. */
  get silentMs(): number | undefined {
    return this.#contactAt === undefined ? undefined : this.#clock.now() - this.#contactAt
  }

  reached(): void {
    this.#contactAt = this.#clock.now()
    this.#lastError = undefined
    if (!this.#warned) return
    this.#warned = false
    this.#log.info({}, 'the API server answers again')
  }

  failed(during: Retry, error: unknown): void {
    const known = failureOf(this.#resource, error)
    const level = known.message === this.#lastError?.message || isExpired(error) ? 'debug' : 'warn'
    this.#lastError = known
    this.#warned ||= level === 'warn'
    this.#log[level]({ state: during, err: error }, known.message)
  }
}
