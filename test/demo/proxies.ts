/** Every proxy that the demo can have, by the name that `--proxy` takes. */
import type { ProxyKind } from './proxy.ts'
import { caddyApi } from './proxy-caddy-api.ts'
import { edgeWith } from './proxy-edge.ts'

const DEBIAN = 'from its Debian package'

export const proxyKinds: ReadonlyMap<string, ProxyKind> = new Map([
  ['haproxy', edgeWith({ program: 'haproxy', title: 'HAProxy', origin: DEBIAN, proxyProtocol: 'v2' })],
  ['nginx', edgeWith({ program: 'nginx', title: 'nginx', origin: DEBIAN, proxyProtocol: 'v1' })],
  ['envoy', edgeWith({ program: 'envoy', title: 'Envoy', origin: 'from its Python package', proxyProtocol: 'v2' })],
  ['caddy', edgeWith({ program: 'caddy', title: 'Caddy', origin: 'with a layer4 app', proxyProtocol: 'v2' })],
  ['caddy-api', caddyApi],
])
