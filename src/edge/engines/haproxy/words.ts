import type { Balance, ProxyProtocol } from '../../../model/table.ts'

/** HAProxy's `balance`. With `source`, a target that goes moves only its own clients. */
export const BALANCES: Readonly<Record<Balance, readonly string[]>> = {
  'round-robin': ['balance roundrobin'],
  'least-connections': ['balance leastconn'],
  source: ['balance source', 'hash-type consistent sdbm avalanche'],
  random: ['balance random'],
}

/** Of a server line. */
export const PROXY_PROTOCOLS: Readonly<Record<ProxyProtocol, string>> = {
  off: '',
  v1: 'send-proxy',
  v2: 'send-proxy-v2',
}
