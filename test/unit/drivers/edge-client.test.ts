// What a person reads at night when the edge cannot be used, and what the client does before it gives up.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { describe, type TestContext, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { createEdgeClient } from '../../../src/drivers/edge/client.ts'
import { answerProblem, EDGE } from '../../../src/drivers/edge/errors.ts'
import type { EdgeOptions } from '../../../src/drivers/edge/options.ts'
import { requestError } from '../../../src/http/failures.ts'
import { OWNER, signal, silent } from './edge-rig.ts'
import { failsWith } from './rig.ts'

const BASE: Omit<EdgeOptions, 'url'> = {
  proxy: 'edge-1',
  tls: {},
  tokenFile: undefined,
  owner: OWNER,
  timeoutMs: 2_000,
  epoch: 1,
  log: silent,
}
const AT = { proxy: 'edge-1', url: 'https://10.1.0.100:7443' }
const CREDENTIALS = 'Check tokenFile, or certFile and keyFile, against "fairway edge token list" on the proxy'
const RUNS = 'Check that fairway edge runs and stays up; its log is on the proxy'

function fail(code: string): Error {
  return Object.assign(new Error(`read ${code}`), { code })
}

describe('no answer', () => {
  const cases: readonly (readonly [code: string, problem: string, message: string, remedy: string])[] = [
    [
      'ECONNREFUSED',
      'ProxyUnreachable',
      'cannot be reached: connection refused',
      "Check that fairway edge runs, and that `listen` in the edge's configuration is the address in the URL",
    ],
    [
      'ENOTFOUND',
      'ProxyUnreachable',
      'cannot be reached: its name is not found (ENOTFOUND)',
      'Check the host in the URL, and DNS where Fairway runs',
    ],
    [
      'UND_ERR_HEADERS_TIMEOUT',
      'ProxyUnreachable',
      'cannot be reached: no answer within 2000 ms',
      'Check that the proxy is up, and firewalls on the way',
    ],
    // The edge never hangs up because of a certificate: it was stopped.
    ['UND_ERR_SOCKET', 'ProxyUnreachable', 'cannot be reached: the connection was dropped', RUNS],
    ['ECONNRESET', 'ProxyUnreachable', 'cannot be reached: the connection was dropped', RUNS],
    [
      'SELF_SIGNED_CERT_IN_CHAIN',
      'ProxyUnreachable',
      'cannot be reached: its certificate is not trusted: read SELF_SIGNED_CERT_IN_CHAIN',
      'Check caFile, and that the certificate is for the host in the URL',
    ],
  ]
  for (const [code, problem, message, remedy] of cases) {
    test(code, () => {
      const error = requestError(AT, EDGE, 2_000, fail(code))
      assert.deepEqual(error.problem, {
        code: problem,
        kind: 'transient',
        message: `proxy edge-1 at https://10.1.0.100:7443 ${message}`,
        remedy,
      })
    })
  }
})

describe('an answer that is an error', () => {
  const said = { message: 'it says so', remedy: 'Do that' }
  const cases: readonly (readonly [status: number, code: string, problem: string, kind: string, remedy: string])[] = [
    [400, 'BodyInvalid', 'ProxyRejected', 'terminal', 'Do that'],
    [401, 'Unauthorized', 'ProxyUnauthorized', 'terminal', CREDENTIALS],
    [403, 'Forbidden', 'ProxyUnauthorized', 'terminal', CREDENTIALS],
    [409, 'OwnerConflict', 'OwnerConflict', 'terminal', 'Do that'],
    [409, 'StaleWriter', 'LeaseLost', 'transient', 'Do that'],
    [412, 'RevisionConflict', 'RevisionConflict', 'transient', 'Do that'],
    [413, 'BodyTooLarge', 'ProxyRejected', 'terminal', 'Do that'],
    [422, 'QuotaExceeded', 'ProxyRejected', 'terminal', 'Do that'],
    [500, 'Internal', 'ProxyRejected', 'transient', 'Do that'],
    [502, 'EngineFailed', 'ProxyRejected', 'transient', 'Do that'],
    [503, 'EngineUnreachable', 'ProxyUnreachable', 'transient', 'Do that'],
    [503, 'Busy', 'ProxyUnreachable', 'transient', 'Do that'],
    [507, 'DiskFailed', 'ProxyRejected', 'transient', 'Do that'],
    [418, 'Unheard', 'ProxyRejected', 'terminal', 'Do that'],
  ]
  for (const [status, code, problem, kind, remedy] of cases) {
    test(`${status} ${code}`, () => {
      assert.deepEqual(answerProblem(AT, 'prod-a/public', status, JSON.stringify({ code, ...said })), {
        code: problem,
        kind,
        message: 'proxy edge-1 at https://10.1.0.100:7443 answers for prod-a/public: it says so',
        remedy,
      })
    })
  }

  test('of something that is not an edge', () => {
    for (const body of ['<html>404</html>', '', '{}', 'null', '{"error":"not found"}']) {
      assert.deepEqual(answerProblem(AT, 'prod-a/public', 404, body), {
        code: 'ProxyUnreachable',
        kind: 'transient',
        message:
          'proxy edge-1 at https://10.1.0.100:7443 cannot be reached: something that is not fairway edge answers with status 404',
        remedy: "Check scheme, host and port of the URL against `listen` in the edge's configuration",
      })
    }
  })

  test('with words that would not fit an Event', () => {
    const body = JSON.stringify({ code: 'Internal', message: `a\n${'b'.repeat(5_000)}`, remedy: 'c\nd' })
    const { message, remedy } = answerProblem(AT, 'prod-a/public', 500, body)
    assert.ok(message.length < 500 && !message.includes('\n'))
    assert.equal(remedy, 'c d')
  })
})

type Listener = (...given: Parameters<RequestListener>) => unknown

async function serve(context: TestContext, listener: Listener): Promise<string> {
  const server = createServer((request, response) => void listener(request, response))
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  context.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
}

function clientFor(context: TestContext, url: string, settings: Partial<EdgeOptions> = {}, largest?: number) {
  const client = createEdgeClient({ ...BASE, url, ...settings }, largest)
  context.after(() => client.close())
  return client
}

describe('the client', () => {
  test('packs what is worth it, and unpacks', async (context) => {
    const got: { readonly headers: IncomingHttpHeaders; readonly body: Buffer }[] = []
    const url = await serve(context, async (request, response) => {
      got.push({ headers: request.headers, body: await buffer(request) })
      response.setHeader('content-encoding', 'gzip').end(gzipSync('{"a":1}'))
    })
    const client = clientFor(context, `${url}/`)
    assert.deepEqual(await client.get('/v1/info', signal), { status: 200, body: '{"a":1}' })
    await client.write('PATCH', '/x', 7, { small: true }, signal)
    await client.write('PATCH', '/x', 7, { large: 'x'.repeat(2_000) }, signal)
    await client.write('DELETE', '/x', 7, undefined, signal)
    const [, small, large, none] = got
    assert.equal(small?.headers['content-encoding'], undefined)
    assert.equal(large?.headers['content-encoding'], 'gzip')
    assert.equal(gunzipSync(large?.body ?? '').length, 2_012)
    assert.equal(none?.headers['content-type'], undefined)
    assert.ok([small, large, none].every((one) => one?.headers['if-match'] === '"7"'))
  })

  test('reads no more than it can hold, packed or not', async (context) => {
    for (const [encoding, body] of [
      ['identity', 'x'.repeat(20_000)],
      ['gzip', gzipSync('x'.repeat(20_000))],
      ['gzip', Buffer.alloc(20_000)],
    ] as const) {
      const url = await serve(context, (_, response) => response.setHeader('content-encoding', encoding).end(body))
      const client = clientFor(context, url, {}, 10_000)
      const { problem } = await failsWith('ProxyUnreachable', () => client.get('/v1/info', signal))
      assert.equal(problem.remedy, RUNS)
    }
  })

  test('asks again when the connection is dropped, and writes once', async (context) => {
    let asked = 0
    const url = await serve(context, (request, response) => {
      asked++
      if (request.method === 'GET' && asked === 3) response.end('{}')
      else request.socket.destroy()
    })
    const client = clientFor(context, url)
    assert.equal((await client.get('/v1/info', signal)).status, 200)
    assert.equal(asked, 3)
    await failsWith('ProxyUnreachable', () => client.write('PUT', '/x', 0, {}, signal))
    assert.equal(asked, 4)
  })

  test('waits no longer than it is told to, and ends by its signal with the reason of that', async (context) => {
    const url = await serve(context, () => {})
    const client = clientFor(context, url, { timeoutMs: 100 })
    const { message } = await failsWith('ProxyUnreachable', () => client.get('/v1/info', signal))
    assert.match(message, /no answer within 100 ms/)
    const stop = new AbortController()
    const asking = client.get('/v1/info', stop.signal)
    stop.abort(new Error('enough'))
    await assert.rejects(asking, /enough/)
  })

  test('reads its token for each request, and says which file has none', async (context) => {
    const tokens: unknown[] = []
    const url = await serve(context, ({ headers }, response) => {
      tokens.push(headers.authorization)
      response.end('{}')
    })
    const dir = mkdtempSync(join(tmpdir(), 'fairway-token-'))
    context.after(() => rmSync(dir, { recursive: true }))
    const tokenFile = join(dir, 'token')
    const client = clientFor(context, url, { tokenFile })
    const missing = await failsWith('ConfigInvalid', () => client.get('/v1/info', signal))
    assert.match(missing.problem.message, /^tokenFile of proxy edge-1 cannot be read: ENOENT.*\/token'$/)
    for (const token of ['fairway_one\n', '  fairway_two']) {
      writeFileSync(tokenFile, token)
      await client.get('/v1/info', signal)
    }
    assert.deepEqual(tokens, ['Bearer fairway_one', 'Bearer fairway_two'])
    for (const broken of ['', '\n', 'two words', 'line\nline']) {
      writeFileSync(tokenFile, broken)
      const { problem } = await failsWith('ConfigInvalid', () => client.get('/v1/info', signal))
      assert.equal(problem.message, `tokenFile of proxy edge-1 holds no token: ${tokenFile}`)
      assert.equal(problem.remedy, 'Correct the path, or mount the Secret that has the file')
    }
    assert.equal(tokens.length, 2)
  })
})
