import type { Log } from '../operator/interfaces.ts'

/** What the operator's parts would log, the reports of a command say. */
export const SILENT: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => SILENT,
  isLevelEnabled: () => false,
}
