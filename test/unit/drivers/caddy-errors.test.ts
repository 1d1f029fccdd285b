import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { parseBindError } from '../../../src/caddy/bind-error.ts'
import { createAdminClient } from '../../../src/caddy/client.ts'
import { CADDY, caddyText } from '../../../src/caddy/errors.ts'
import { createDial, verdictOf } from '../../../src/drivers/common/probe.ts'
import { shownUrl } from '../../../src/http/endpoint.ts'
import { codeOf, requestError } from '../../../src/http/failures.ts'
import { FairwayError, type ProblemCode } from '../../../src/model/problems.ts'

const endpoint = { proxy: 'edge-1', url: 'http://user:secret@10.1.0.100:2021' }

function fail(code: string, extra: object = {}): Error {
  return Object.assign(new Error(`read ${code}`), { code, ...extra })
}

test('bind errors are read out of what Caddy answers', () => {
  const start = 'loading new config: layer4 app module: start: listen'
  assert.deepEqual(parseBindError(`${start} tcp4 203.0.113.99:80: bind: cannot assign requested address`), {
    protocol: 'TCP',
    address: '203.0.113.99',
    port: 80,
    reason: 'cannot assign requested address',
  })
  assert.deepEqual(parseBindError(`${start} udp6 [2001:db8::1]:53: bind: address already in use`), {
    protocol: 'UDP',
    address: '2001:db8::1',
    port: 53,
    reason: 'address already in use',
  })
  assert.equal(parseBindError(`${start} tcp6 [::]:80: socket: address family not supported by protocol`)?.address, '::')
  for (const text of [
    'listen tcp :443: bind: address already in use',
    'listen tcp4 example.com:80: bind: x',
    'open /x: permission denied',
    '',
  ]) {
    assert.equal(parseBindError(text), undefined, text)
  }
})

test("Caddy's words are kept, on one line and short", () => {
  assert.equal(caddyText('{"error":"a\\n  b"}\n'), 'a b')
  assert.equal(caddyText('<html>\n</html>'), '<html> </html>')
  assert(caddyText('x'.repeat(10_000)).length < 310)
})

test('a password in a URL is not shown', () => {
  assert.equal(shownUrl(endpoint), 'http://10.1.0.100:2021')
})

test('failed requests have codes, and texts without what changes from one to the next', () => {
  const cases: readonly (readonly [Error, ProblemCode, RegExp])[] = [
    [fail('ECONNREFUSED'), 'ProxyUnreachable', /connection refused/],
    [fail('UND_ERR_CONNECT_TIMEOUT'), 'ProxyUnreachable', /no answer within 5 ms/],
    [new DOMException('late', 'TimeoutError'), 'ProxyUnreachable', /no answer within 5 ms/],
    [fail('ENOTFOUND'), 'ProxyUnreachable', /name is not found/],
    [fail('EHOSTUNREACH'), 'ProxyUnreachable', /no route/],
    [fail('DEPTH_ZERO_SELF_SIGNED_CERT'), 'ProxyUnreachable', /not trusted/],
    [fail('ERR_TLS_CERT_ALTNAME_INVALID'), 'ProxyUnreachable', /not trusted/],
    [fail('EPROTO', { reason: 'wrong version number' }), 'ProxyUnreachable', /TLS failed: wrong version number\./],
    [fail('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', { reason: 'tlsv1 alert unknown ca' }), 'ProxyUnauthorized', /unknown ca/],
    [fail('UND_ERR_SOCKET', { cause: fail('ECONNRESET') }), 'ProxyUnreachable', /connection was dropped/],
  ]
  for (const [error, code, text] of cases) {
    const failure = requestError(endpoint, CADDY, 5, error)
    assert.equal(failure.problem.code, code)
    assert.match(failure.message, text)
    assert.doesNotMatch(failure.message, /secret/)
  }
  const hungUp = requestError({ ...endpoint, url: 'https://10.1.0.100:2021' }, CADDY, 5, fail('UND_ERR_SOCKET'))
  assert.equal(hungUp.problem.code, 'ProxyUnauthorized')
  assert.equal(codeOf(new AggregateError([fail('ECONNREFUSED')])), 'ECONNREFUSED')
  assert.equal(codeOf('x'), '')
})

test('a certificate file that is not there is named', async () => {
  const tls = { certFile: '/nowhere/tls.crt' }
  const client = createAdminClient({ proxy: 'edge-1', url: 'https://127.0.0.1:1', tls, timeoutMs: 1_000 })
  await assert.rejects(client.get('/config/apps', AbortSignal.timeout(5_000)), (error: unknown) => {
    assert(error instanceof FairwayError)
    assert.equal(error.problem.code, 'ConfigInvalid')
    assert.match(error.message, /certFile of proxy edge-1.*\/nowhere\/tls\.crt/)
    return true
  })
  await client.close()
})

test('dials tell open from closed, within their time', async () => {
  const server = createServer((socket) => socket.on('error', () => {}))
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert(address !== null && typeof address === 'object')
  const targets = [{ address: '127.0.0.1', port: address.port }]
  const dial = createDial(2_000)
  assert.deepEqual(await dial(targets, AbortSignal.timeout(5_000)), ['open'])
  await new Promise((resolve) => void server.close(resolve))
  assert.deepEqual(await dial(targets, AbortSignal.timeout(5_000)), ['refused'])
  await assert.rejects(dial(targets, AbortSignal.abort(new Error('stop'))), /stop/)
})

test('no route tells about an address only where we have its family ourselves', () => {
  assert.equal(
    verdictOf('ECONNREFUSED', () => false),
    'refused',
  )
  assert.equal(
    verdictOf('EHOSTUNREACH', () => true),
    'unreachable',
  )
  assert.equal(
    verdictOf('ENETUNREACH', () => true),
    'unreachable',
  )
  assert.equal(
    verdictOf('ENETUNREACH', () => false),
    'unknown',
  )
  assert.equal(
    verdictOf('ETIMEDOUT', () => true),
    'unknown',
  )
})
