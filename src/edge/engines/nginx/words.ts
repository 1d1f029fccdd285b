import type { Balance, ProxyProtocol } from '../../../model/table.ts'

/** Of an upstream. With `source`, a target that goes moves only its own clients. */
export const BALANCES: Readonly<Record<Balance, readonly string[]>> = {
  'round-robin': [],
  'least-connections': ['least_conn;'],
  source: ['hash $remote_addr consistent;'],
  random: ['random two least_conn;'],
}

export const PROXY_PROTOCOLS: Readonly<Record<ProxyProtocol, string>> = { off: 'off', v1: 'on', v2: 'v2' }
