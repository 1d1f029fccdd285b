import type { Rests } from '../../../model/rests.ts'
import type { DurableFile } from '../common/durable-file.ts'
import type { Master } from './master.ts'
import type { HaproxyOptions } from './options.ts'

/** What all work on one HAProxy needs. */
export interface Tools {
  readonly options: HaproxyOptions
  readonly binary: string
  /** The file that HAProxy loads. */
  readonly config: DurableFile
  /** The last one that was seen running. */
  readonly lastGood: DurableFile
  readonly master: Master
  /** Resolves when the next reload may begin. */
  readonly reloadPace: (signal: AbortSignal) => Promise<void>
  readonly failedStarts: Rests
}
