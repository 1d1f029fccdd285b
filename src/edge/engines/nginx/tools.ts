import type { Rests } from '../../../model/rests.ts'
import type { Program } from '../common/accept.ts'
import type { DurableFile } from '../common/durable-file.ts'
import type { NginxOptions } from './options.ts'

/** What all work on one nginx needs. */
export interface Tools {
  readonly options: NginxOptions
  readonly binary: string
  readonly program: Program
  /** The file that nginx includes. */
  readonly config: DurableFile
  /** The last one that was seen running. */
  readonly lastGood: DurableFile
  /** Resolves when the next reload may begin. */
  readonly reloadPace: (signal: AbortSignal) => Promise<void>
  /** By frontend. */
  readonly failedStarts: Rests
}
