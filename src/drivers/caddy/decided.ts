import type { FrontendKey } from '../../model/table.ts'
import type { Refused } from '../common/preflight.ts'
import type { Wanted } from '../common/wanted.ts'
import type { CutServers } from './strays.ts'

/** What becomes of everything on a proxy. */
export interface Decided {
  readonly wanted: readonly Wanted[]
  readonly refused: ReadonlyMap<FrontendKey, Refused>
  /** Frontends that the table lacks and that stay as they are. */
  readonly keep: ReadonlySet<FrontendKey>
  readonly cut: CutServers
}
