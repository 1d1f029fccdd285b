import type { Change } from '../model/driver.ts'
import type { ProblemCode } from '../model/problems.ts'

/** Counts what happens, one fact at a time. Called in the middle of the work: it is cheap, and never throws. */
export type Meter = (fact: Fact) => void

/** Something that has happened. Facts name classes and proxies, of which there are few, and never Services. */
export type Fact =
  | { readonly kind: 'pass'; readonly className: string; readonly end: PassEnd; readonly durationMs: number }
  /** One call of a driver, whatever came of it. */
  | {
      readonly kind: 'call'
      readonly className: string
      readonly proxy: string
      readonly call: DriverCall
      readonly durationMs: number
    }
  /** A write to a proxy that went through. `counts` are of frontends. */
  | {
      readonly kind: 'changes'
      readonly className: string
      readonly proxy: string
      readonly counts: Readonly<Record<ChangeKind, number>>
    }
  | { readonly kind: 'error'; readonly part: FailingPart; readonly code: ErrorCode }
  | { readonly kind: 'status'; readonly result: StatusResult }
  /** An Event that was told about a Service. */
  | { readonly kind: 'event'; readonly type: 'Normal' | 'Warning'; readonly reason: string }
  /** The configuration file was read because it had changed, or at the start. */
  | { readonly kind: 'configuration'; readonly used: boolean }

/** `unfinished`: something was left that another pass may mend. `failed`: a defect ended it. */
export type PassEnd = 'finished' | 'unfinished' | 'failed'
export type DriverCall = 'read' | 'apply'
/** `stray`: removed, of what another class had left. */
export type ChangeKind = Change['kind'] | 'stray'
export type FailingPart = 'proxy' | 'status'
/** `Unexpected`: a defect. */
export type ErrorCode = ProblemCode | 'Unexpected'
/** `gone`: the Service was deleted, or made anew, meanwhile. `conflict`: it was changed. */
export type StatusResult = 'written' | 'gone' | 'conflict' | 'failed'

/** What is so at this moment. Worked out when somebody asks, since that costs a look at every Service. */
export interface OperatorFacts {
  /** Classes whose pass is due and has not begun. */
  readonly waiting: number
  /** Those that have ended a pass. */
  readonly classes: readonly ClassFacts[]
}

export interface ClassFacts {
  readonly name: string
  /** End of the last pass, epoch milliseconds. */
  readonly endedAtMs: number
  readonly pools: readonly PoolFacts[]
  readonly services: Readonly<Record<ServiceState, number>>
  /** How many Services have a problem, by its code. */
  readonly serviceProblems: ReadonlyMap<ProblemCode, number>
  /** How many problems the frontends of the configuration have, by code. */
  readonly fixedProblems: ReadonlyMap<ProblemCode, number>
  readonly proxies: readonly ProxyFacts[]
}

/** `waiting`: wants an address, and has none. `releasing`: ours until now. */
export type ServiceState = 'allocated' | 'waiting' | 'releasing'

export interface PoolFacts {
  readonly name: string
  /** Addresses. Of an IPv6 range more than can be counted exactly. */
  readonly size: number
  readonly used: number
}

export interface ProxyFacts {
  readonly name: string
  /** Why nothing is known of it since the last pass. */
  readonly problem: ProblemCode | undefined
  /** Whether removals are held back until a person has looked. */
  readonly heldBack: boolean
  /** Since when it has not been brought to what it shall have, epoch milliseconds; undefined: it was, by the last pass. */
  readonly behindSinceMs: number | undefined
  readonly frontends: Readonly<Record<FrontendState, number>>
  /** How many of the refused there are, by code. */
  readonly refusals: ReadonlyMap<ProblemCode, number>
}

/** `unknown`: the proxy could not be asked, or took nothing. */
export type FrontendState = 'served' | 'refused' | 'unknown'

/** One cache of the cluster. */
export interface CacheFacts {
  /** `services`, `nodes`, `endpointslices` */
  readonly kind: string
  readonly objects: number
  readonly synced: boolean
  /** How long ago the API server last sent anything of it; undefined: never. A healthy watch brings a bookmark a minute. */
  readonly silentMs: number | undefined
  /** Since the start: events taken in, lists, watches, and what of these failed. */
  readonly counters: {
    readonly events: number
    readonly lists: number
    readonly watches: number
    readonly failures: number
  }
}
