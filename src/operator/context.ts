import type { ClusterView, ClusterWriter, Log, RunningClass } from './interfaces.ts'
import type { Memory } from './memory.ts'

/** All that a pass of one class works with. */
export interface PassContext {
  readonly running: RunningClass
  readonly view: ClusterView
  readonly writer: ClusterWriter
  readonly memory: Memory
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly log: Log
  /** Words for removals that a person has said lately, see plan/guard.ts. */
  readonly confirmed?: (() => ReadonlySet<string>) | undefined
}
