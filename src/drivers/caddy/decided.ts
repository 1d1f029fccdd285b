import type { Problem } from '../../model/problems.ts'
import type { FrontendKey, Target } from '../../model/table.ts'
import type { Bound } from './quarantine.ts'
import type { CutServers } from './strays.ts'

/** A frontend of the table that is applied. */
export interface Wanted extends Bound {
  readonly key: FrontendKey
  readonly targets: readonly Target[]
}

export interface Refused {
  readonly problem: Problem
  /** Whether the part of a server that is there stays: it serves what it served before. Not so where it cannot be bound any more. */
  readonly keep: boolean
}

/** What becomes of everything on a proxy. */
export interface Decided {
  readonly wanted: readonly Wanted[]
  readonly refused: ReadonlyMap<FrontendKey, Refused>
  /** Frontends that the table lacks and that stay as they are. */
  readonly keep: ReadonlySet<FrontendKey>
  readonly cut: CutServers
}
