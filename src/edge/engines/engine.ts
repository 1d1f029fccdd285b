import type { Capabilities, Listener } from '../../model/driver.ts'
import type { Problem } from '../../model/problems.ts'
import type { Frontend, TargetGroup } from '../../model/table.ts'
import type { Socket } from '../sockets.ts'

/** A frontend as one machine serves it: bound, and told apart among all owners. */
export interface BoundFrontend {
  /** Unique and stable on this machine, `[a-z0-9._-]`: `prod-a.public.tcp.203.0.113.10.443`, with a hash of the hosts behind it where there are any. */
  readonly id: string
  /** As its owner asks for it; `group` is a key of `EngineState.groups`. */
  readonly frontend: Frontend
  /** What the program binds for the published address: itself, its counterpart behind NAT, or a wildcard (`0.0.0.0`, `::`). Canonical. */
  readonly bindAddress: string
}

/** All that a program shall serve, of all owners: no two frontends on one socket but such that their hosts tell apart. */
export interface EngineState {
  /** Sorted by id. */
  readonly frontends: readonly BoundFrontend[]
  /** By id, unique on this machine; targets sorted by address. */
  readonly groups: ReadonlyMap<string, TargetGroup>
}

export interface EngineRefusal {
  /** Of a BoundFrontend. */
  readonly id: string
  readonly problem: Problem
}

export interface EngineApplied {
  /** Frontends of the state that are not served as asked, and why. All others are, as verified on the running program. */
  readonly refused: readonly EngineRefusal[]
  /** How it came about, for logs and benchmarks. */
  readonly how: 'nothing' | 'runtime' | 'reload'
  /** Why one of two programs takes nothing, all of whose frontends are in `refused`. The edge tries again soon. */
  readonly trouble?: Problem
}

/** How the program sees one target of one frontend. */
export interface TargetHealth {
  /** Of a BoundFrontend. */
  readonly id: string
  readonly address: string
  readonly port: number
  readonly state: 'up' | 'down' | 'draining' | 'unchecked'
}

/**
 * How the edge works one proxy program, which runs as a unit of its own: stopping the edge stops no connection. Every call is bounded in time and
 * ends early by its signal. Calls never overlap. A FairwayError means that nothing is known to have changed for the worse: the program serves
 * what it served before.
 */
export interface Engine {
  /** As its processes are called: `haproxy`; of two programs, `haproxy+nginx`. */
  readonly name: string
  /** Of the program, as it says: `2.6.12`. */
  readonly version: string
  readonly capabilities: Capabilities
  /**
   * Brings the running program to a state: rendered, validated, swapped in, verified, or rolled back. Files are written so that a program that
   * restarts at any instant serves either the state before or this one. The same state again changes nothing.
   */
  apply(state: EngineState, signal: AbortSignal): Promise<EngineApplied>
  /** Sockets of the program that are not of an EngineState: the administrator's own. */
  listeners(signal: AbortSignal): Promise<readonly Listener[]>
  /**
   * Sockets that the running program has bound for frontends of an EngineState, each once: read from the program or from what it is known to have
   * loaded, not remembered, since the edge may have started after it. None where no program runs. Rejects where it cannot be told.
   */
  bound(signal: AbortSignal): Promise<readonly Socket[]>
  health(signal: AbortSignal): Promise<readonly TargetHealth[]>
  close(): Promise<void>
}
