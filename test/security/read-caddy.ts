/** What a running Caddy says that it is configured with, over its admin API. */
import assert from 'node:assert/strict'
import type { ProxyProtocol } from '../../src/model/table.ts'
import type { CaddyUnit } from '../edge-lab/caddy.ts'
import type { Reading } from './meant.ts'

interface Handler {
  readonly handler: string
  readonly upstreams?: readonly { readonly dial: readonly string[] }[]
  readonly proxy_protocol?: ProxyProtocol
  readonly routes?: readonly Route[]
}

interface Route {
  readonly match?: readonly {
    readonly tls?: { readonly sni: readonly string[] }
    readonly remote_ip?: { readonly ranges: readonly string[] }
  }[]
  readonly handle: readonly Handler[]
}

interface Server {
  readonly listen: readonly string[]
  readonly routes: readonly Route[]
}

export async function readCaddy({ admin }: CaddyUnit): Promise<readonly Reading[]> {
  const whole = (await admin('GET', '/config/')) as {
    readonly apps: { readonly layer4?: { readonly servers?: Readonly<Record<string, Server>> } }
  }
  assert.deepEqual(Object.keys(whole.apps), ['layer4'])
  return Object.values(whole.apps.layer4?.servers ?? {}).flatMap(({ listen, routes }) => {
    assert.equal(listen.length, 1)
    const [, network = '', place = ''] = /^(tcp|udp)[46]?\/(.+)$/.exec(listen[0] ?? '') ?? []
    return routes.map((route) => ({ socket: `${network} ${place}`, ...readRoute(route) }))
  })
}

function readRoute({ match = [], handle }: Route): Omit<Reading, 'socket'> {
  const [handler] = handle
  assert.ok(handler !== undefined && handle.length === 1 && match.length < 2)
  const inner = handler.handler === 'subroute' ? handler.routes?.[0] : undefined
  // Whom the first inner route does not take, the second one closes.
  if (inner !== undefined) assert.deepEqual(handler.routes?.[1], { handle: [{ handler: 'close' }] })
  const served = inner?.handle[0] ?? handler
  assert.match(served.handler, /^(proxy|close)$/)
  return {
    hosts: match[0]?.tls?.sni ?? [],
    sources: inner?.match?.[0]?.remote_ip?.ranges ?? match[0]?.remote_ip?.ranges ?? [],
    targets: (served.upstreams ?? []).flatMap(({ dial }) => dial.map((one) => one.replace(/^udp\//, ''))),
    proxyProtocol: served.proxy_protocol ?? 'off',
    limit: undefined,
  }
}
