/** What may strike. */
import type { Site } from './site.ts'

/** Who is struck: of one party, one thing at a time. */
export type Party = 'api' | 'edge' | 'network' | 'operator' | 'proxy'

export interface Fault {
  readonly name: string
  /** A clause for the report. */
  readonly what: string
  readonly party: Party
  /** Whether connections may suffer: their own proxy or network is struck. */
  readonly traffic: boolean
  /** How long it holds, at least and at most. */
  readonly holdMs: readonly [number, number]
  strike(this: void, site: Site, signal: AbortSignal): Promise<void>
  /** Ends it, and brings back what a unit or a Deployment would. */
  heal(this: void, site: Site, signal: AbortSignal): Promise<void>
}
