import type { DataplaneOptions } from '../../../src/drivers/dataplane/options.ts'
import type { Sections } from '../../../src/drivers/dataplane/sections.ts'
import type { Owner } from '../../../src/model/table.ts'

/** Of a driver that asks nobody: for what is composed and read. */
export function quietOptions(owner: Owner): DataplaneOptions {
  return {
    proxy: 'edge-1',
    url: 'http://127.0.0.1:1',
    tls: {},
    userFile: undefined,
    owner,
    listen: {},
    declares: () => true,
    probe: false,
    timeoutMs: 1,
    reloadTimeoutMs: 1,
    log: { debug: () => {}, info: () => {}, warn: () => {} },
  }
}

export const NOTHING: Sections = { defaults: new Map(), backends: new Map(), frontends: new Map() }
