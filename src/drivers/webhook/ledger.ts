import { EMPTY_TABLE, type FrontendKey, frontendKey, type Table } from '../../model/table.ts'
import { type Call, sameCall } from './calls.ts'

/** Of those whose time it is, so many are sent again with one pass: all of them would hold up whatever else there is to do. */
const MOST_DUE = 4

interface Sent {
  readonly key: FrontendKey
  readonly call: Call
  /** In milliseconds of performance.now(). */
  readonly atMs: number
}

/** What this process knows of a proxy that tells nothing: what it has sent itself, and what Services hold by their records. */
export class Ledger {
  readonly #resendMs: number
  readonly #sent = new Map<number, Sent>()
  /** Of a port for which a call was begun, and nothing is known of its end. */
  readonly #doubtful = new Set<FrontendKey>()
  #recalled: ReadonlySet<FrontendKey> = new Set()
  /** Of those, what was closed from here. */
  #gone: ReadonlySet<FrontendKey> = new Set()
  #table = EMPTY_TABLE
  #asked: ReadonlySet<FrontendKey> = new Set()
  #revision = 0

  /** What was sent so long ago is to be sent again. */
  constructor(resendMs: number) {
    this.#resendMs = resendMs
  }

  /** Changes with every call and every table. */
  get revision(): string {
    return String(this.#revision)
  }

  /** What was asked for last. */
  get table(): Table {
    return this.#table
  }

  /** Which frontend has a port. */
  get holders(): ReadonlyMap<number, FrontendKey> {
    return new Map([...this.#sent].map(([port, { key }]) => [port, key]))
  }

  /** What may be there and was not sent from here, what was sent and may not have arrived, and what is to be sent again by now. */
  drifted(nowMs: number): ReadonlySet<FrontendKey> {
    const unknown = this.#recalled.difference(this.#asked).difference(this.#gone)
    return new Set([...unknown, ...this.#doubtful, ...this.#findDue(nowMs - this.#resendMs)])
  }

  #findDue(untilMs: number): readonly FrontendKey[] {
    const old = [...this.#sent.values()].filter(({ atMs }) => atMs <= untilMs).toSorted((a, b) => a.atMs - b.atMs)
    return old.slice(0, MOST_DUE).map(({ key }) => key)
  }

  /** Whether a call would say what was said already. */
  isSent(port: number, call: Call): boolean {
    return sameCall(this.#sent.get(port)?.call, call)
  }

  /** Services hold these by their records, and no others. */
  recall(keys: ReadonlySet<FrontendKey>): void {
    this.#recalled = keys
    this.#gone = this.#gone.intersection(keys)
  }

  /** A call is about to be sent. Until it is noted as `opened` or `closed`, nothing is known of the port. */
  begin(port: number, keys: readonly FrontendKey[]): void {
    this.#revision++
    this.#sent.delete(port)
    for (const key of keys) this.#doubtful.add(key)
  }

  opened(port: number, key: FrontendKey, call: Call, nowMs: number): void {
    this.#sent.set(port, { key, call, atMs: nowMs })
    this.#doubtful.delete(key)
  }

  /** Nothing serves these frontends any more. */
  closed(keys: readonly FrontendKey[]): void {
    for (const key of keys) this.#doubtful.delete(key)
    this.#gone = this.#gone.union(new Set(keys))
  }

  setTable(table: Table): void {
    this.#revision++
    this.#table = table
    this.#asked = new Set(table.frontends.map(frontendKey))
  }
}
