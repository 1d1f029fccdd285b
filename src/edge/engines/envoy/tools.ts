import type { Rests } from '../../../model/rests.ts'
import type { Admin } from './admin.ts'
import type { StateFolder } from './folder.ts'
import type { EnvoyOptions } from './options.ts'

/** What all work on one Envoy needs. */
export interface Tools {
  readonly options: EnvoyOptions
  readonly admin: Admin
  readonly folder: StateFolder
  /** Listeners that Envoy did not take, by their text. */
  readonly failedStarts: Rests
}
