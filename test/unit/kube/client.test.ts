import assert from 'node:assert/strict'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { createKubeClient, type KubeClient, type KubeClientOptions } from '../../../src/kube/client.ts'
import { ApiError, describeRequest } from '../../../src/kube/errors.ts'
import { FairwayError } from '../../../src/model/problems.ts'
import { FakeApiServer, refuse } from '../../support/fake-api-server.ts'
import { eventually, FakeClock } from './fake-clock.ts'

let server: FakeApiServer
let clock: FakeClock
let stop: AbortController
let clients: KubeClient[]

beforeEach(async () => {
  server = await FakeApiServer.start()
  clock = new FakeClock()
  stop = new AbortController()
  clients = []
})

afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await server.close()
})

function connect(options: Partial<KubeClientOptions> = {}): KubeClient {
  const client = createKubeClient({ kubeConfig: server.kubeConfig(), clock, ...options })
  clients.push(client)
  return client
}

const NODES = { method: 'GET', path: '/api/v1/nodes' } as const

async function problemOf(work: Promise<unknown>): Promise<FairwayError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof FairwayError, String(error))
  return error
}

function words(method: string, path: string, query = {}): string {
  return Object.values(describeRequest(method, path, query)).join(' ')
}

suite('answers', () => {
  test('JSON comes with status and headers; every request carries the credentials', async () => {
    const client = connect()
    const { status, headers, body } = await client.request(
      { ...NODES, query: { limit: 1, labelSelector: 'a=b', not: undefined } },
      stop.signal,
    )
    assert.equal(status, 200)
    assert.equal(headers['content-type'], 'application/json')
    assert.deepEqual(body, { kind: 'List', metadata: { resourceVersion: '100' }, items: [] })
    assert.equal(server.requests[0]?.headers.authorization, 'Bearer secret')
    assert.equal(server.requests[0].query.toString(), 'limit=1&labelSelector=a%3Db')
  })

  test('403 names the verb, the resource and the rule to add', async () => {
    server.fault(() => true, refuse(403, 'Forbidden'))
    const path = '/api/v1/namespaces/ns/services/web/status'
    const { problem } = await problemOf(connect().request({ method: 'PATCH', path, body: {} }, stop.signal))
    assert.deepEqual([problem.code, problem.kind], ['ApiForbidden', 'terminal'])
    assert.match(problem.message, /forbids patch of services\/status: refused with 403/)
    assert.match(problem.remedy, /\{apiGroups: \[""\], resources: \["services\/status"\], verbs: \["patch"\]\}/)
  })

  test('other refusals carry the status, its reason and causes, and how long to wait', async () => {
    server.fault(() => true, refuse(429, 'TooManyRequests', { 'retry-after': '3' }, { causes: [{ field: 'x' }] }))
    const error = await problemOf(connect().request(NODES, stop.signal))
    assert.ok(error instanceof ApiError)
    assert.deepEqual(
      [error.status, error.reason, error.retryAfterMs, error.causes],
      [429, 'TooManyRequests', 3000, [{ field: 'x' }]],
    )
    assert.deepEqual([error.problem.code, error.problem.kind], ['ApiUnreachable', 'transient'])
  })

  for (const [status, kind] of [
    [400, 'terminal'],
    [409, 'transient'],
    [422, 'terminal'],
  ] as const) {
    test(`${status}: what was sent is rejected, though the server is there`, async () => {
      server.fault(() => true, refuse(status, 'Invalid'))
      const path = '/api/v1/namespaces/ns/services/web/status'
      const { problem } = await problemOf(connect().request({ method: 'PATCH', path, body: {} }, stop.signal))
      assert.deepEqual([problem.code, problem.kind], ['ApiRejected', kind])
      assert.match(problem.message, new RegExp(`answered ${status} to patch of services/status`))
    })
  }

  test('an answer that is no Status is quoted', async () => {
    server.fault(
      () => true,
      (_request, response) => void response.writeHead(502).end('<h1>Bad gateway</h1>'),
    )
    assert.match(
      (await problemOf(connect().request(NODES, stop.signal))).problem.message,
      /answered 502 to list of nodes: <h1>Bad gateway<\/h1>/,
    )
  })

  test('a server that is not there is unreachable', async () => {
    const client = connect()
    await server.close()
    const { problem } = await problemOf(client.request(NODES, stop.signal))
    assert.deepEqual([problem.code, problem.kind], ['ApiUnreachable', 'transient'])
    assert.match(problem.message, /cannot be reached: .*ECONNREFUSED/)
    server = await FakeApiServer.start()
  })

  test('RBAC words are read off any path', () => {
    assert.equal(words('GET', '/api/v1/services', { watch: true }), 'watch  services')
    assert.equal(words('GET', '/api/v1/namespaces/kube-system'), 'get  namespaces')
    assert.equal(
      words('POST', '/apis/coordination.k8s.io/v1/namespaces/ns/leases'),
      'create coordination.k8s.io leases',
    )
    assert.equal(
      words('PUT', '/apis/coordination.k8s.io/v1/namespaces/ns/leases/x'),
      'update coordination.k8s.io leases',
    )
    assert.equal(words('GET', '/apis/discovery.k8s.io/v1/endpointslices'), 'list discovery.k8s.io endpointslices')
  })
})

suite('time', () => {
  test('a hung request ends at its deadline, and leaves no timer', async () => {
    server.fault(
      () => true,
      () => undefined,
    )
    const asked = connect().request({ ...NODES, timeoutMs: 5000 }, stop.signal)
    await eventually(() => server.requests.length === 1)
    clock.advance(5000)
    assert.match((await problemOf(asked)).problem.message, /no answer in time/)
    assert.equal(clock.pending, 0)
  })

  test('an abort throws its own reason', async () => {
    server.fault(
      () => true,
      () => undefined,
    )
    const asked = connect().request(NODES, stop.signal)
    await eventually(() => server.requests.length === 1)
    const reason = new Error('shutting down')
    stop.abort(reason)
    await assert.rejects(asked, reason)
    await assert.rejects(connect().request(NODES, stop.signal), reason)
    assert.equal(clock.pending, 0)
  })

  test('a stream that is aborted before anybody reads it makes no noise', async () => {
    await connect().stream({ ...NODES, query: { watch: true } }, stop.signal)
    stop.abort()
    await eventually(() => server.openWatches === 0)
    assert.equal(clock.pending, 0)
  })

  test('many requests share few connections', async () => {
    const sockets = new Set<unknown>()
    server.fault(
      () => true,
      (_request, response) => {
        sockets.add(response.socket)
        response.end('{}')
      },
      50,
    )
    const client = connect()
    for (let count = 0; count < 50; count += 1) await client.request(NODES, stop.signal)
    // A pool may open a second one before the first is free again.
    assert.ok(sockets.size <= 2, `${sockets.size} sockets`)
  })
})
