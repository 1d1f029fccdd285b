import assert from 'node:assert/strict'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { createKubeClient, type KubeClient } from '../../../src/kube/client.ts'
import type { ServiceObject } from '../../../src/kube/objects.ts'
import { keepService, SERVICES } from '../../../src/kube/resources.ts'
import { statusRivals } from '../../../src/kube/rivals.ts'
import { clusterUid, type ServiceWant, statusPatch, writeStatus } from '../../../src/kube/status.ts'
import { FakeApiServer, refuse } from '../../support/fake-api-server.ts'

const NOW = '2026-02-03T04:05:06.789Z'
const FINALIZER = 'fairway.dev/cleanup'
const condition = (type: string, status: 'True' | 'False', message = 'm') => ({
  type: `fairway.dev/${type}`,
  status,
  reason: 'R',
  message,
})
const then = { lastTransitionTime: '2026-01-01T00:00:00Z' }

function service(over: { metadata?: object; spec?: object; status?: object } = {}): ServiceObject {
  const kept = keepService({
    metadata: { name: 'web', namespace: 'ns', uid: 'u', resourceVersion: '7', ...over.metadata },
    spec: { type: 'LoadBalancer', ports: [{ port: 80, protocol: 'TCP' }], ...over.spec },
    status: over.status,
  })
  assert.ok(kept)
  return kept
}

const want = (over: Partial<ServiceWant> = {}): ServiceWant => ({ conditions: [], finalizers: {}, ...over })
const patch = (object: ServiceObject, over: Partial<ServiceWant>) => statusPatch(object, want(over), NOW)

suite('patch: conditions', () => {
  test('a new one is dated now, in whole seconds', () => {
    const made = patch(service(), { conditions: [condition('Allocated', 'True')] })
    assert.deepEqual(made, {
      metadata: { uid: 'u' },
      status: { conditions: [{ ...condition('Allocated', 'True'), lastTransitionTime: '2026-02-03T04:05:06Z' }] },
    })
  })

  test('another message keeps the date, another status does not, the same makes no patch', () => {
    const have = service({ status: { conditions: [{ ...condition('Allocated', 'True'), ...then }] } })
    assert.equal(patch(have, { conditions: [condition('Allocated', 'True')] }), undefined)
    const reworded = patch(have, { conditions: [condition('Allocated', 'True', 'other')] })
    assert.deepEqual(reworded?.status?.conditions, [{ ...condition('Allocated', 'True', 'other'), ...then }])
    const turned = patch(have, { conditions: [condition('Allocated', 'False')] })
    assert.deepEqual(turned?.status?.conditions, [
      { ...condition('Allocated', 'False'), lastTransitionTime: '2026-02-03T04:05:06Z' },
    ])
  })

  test('only those that are there are removed, and none that is wanted too', () => {
    const conditions = ['A', 'B'].map((type) => ({ ...condition(type, 'True'), ...then }))
    const made = patch(service({ status: { conditions } }), {
      conditions: [condition('B', 'True')],
      removeConditions: ['fairway.dev/A', 'fairway.dev/B', 'fairway.dev/C'],
    })
    assert.deepEqual(made?.status, { conditions: [{ type: 'fairway.dev/A', $patch: 'delete' }] })
  })
})

function having(ingress: object): ServiceObject {
  return service({ status: { loadBalancer: { ingress: [ingress] } } })
}

suite('patch: ingress', () => {
  const ingress = [
    {
      ip: '192.0.2.1',
      ipMode: 'Proxy' as const,
      ports: [{ port: 80, protocol: 'TCP', error: 'fairway.dev/PortTaken' }],
    },
  ]

  test('it is replaced whole where it differs, cleared where it shall be empty, left where nothing is said', () => {
    assert.deepEqual(patch(service(), { ingress })?.status, { loadBalancer: { ingress } })
    assert.deepEqual(patch(having({ ip: '192.0.2.9' }), { ingress: [] })?.status, { loadBalancer: { ingress: [] } })
    assert.equal(patch(having({ ip: '192.0.2.9' }), {}), undefined)
    assert.equal(patch(service(), { ingress: [] }), undefined)
  })

  test('an ipMode that the server dropped is not written again, another one is', () => {
    assert.equal(patch(having({ ...ingress[0], ipMode: undefined }), { ingress }), undefined)
    assert.ok(patch(having({ ...ingress[0], ipMode: 'VIP' }), { ingress }))
  })

  test('ports and their errors, host names and order all count', () => {
    assert.equal(patch(having(ingress[0] ?? {}), { ingress }), undefined)
    assert.ok(patch(having({ ip: '192.0.2.1', ipMode: 'Proxy' }), { ingress }))
    assert.ok(patch(having({ ...ingress[0], ports: [{ port: 80, protocol: 'TCP' }] }), { ingress }))
    assert.ok(patch(having({ ...ingress[0], hostname: 'x' }), { ingress }))
  })

  test('a NodePort Service has none', () => {
    assert.equal(patch(service({ spec: { type: 'NodePort' } }), { ingress }), undefined)
  })
})

suite('patch: metadata', () => {
  test('finalizers change under the version that was read, and in both directions at once', () => {
    const made = patch(service({ metadata: { finalizers: ['others', 'old'] } }), {
      finalizers: { add: FINALIZER, remove: ['old', 'absent'] },
    })
    assert.deepEqual(made, {
      metadata: {
        uid: 'u',
        resourceVersion: '7',
        finalizers: [FINALIZER],
        '$deleteFromPrimitiveList/finalizers': ['old'],
      },
    })
    assert.equal(
      patch(service({ metadata: { finalizers: [FINALIZER] } }), { finalizers: { add: FINALIZER, remove: ['old'] } }),
      undefined,
    )
  })

  test('none is added to a Service that is being deleted, but removed they are', () => {
    const deleted = service({ metadata: { finalizers: [FINALIZER], deletionTimestamp: '2026-01-01T00:00:00Z' } })
    assert.equal(patch(deleted, { finalizers: { add: 'fairway.dev/other' } }), undefined)
    assert.deepEqual(
      patch(deleted, { finalizers: { remove: [FINALIZER] } })?.metadata['$deleteFromPrimitiveList/finalizers'],
      [FINALIZER],
    )
  })

  test('annotations are set, changed and removed, without a version', () => {
    const have = service({ metadata: { annotations: { 'fairway.dev/a': '1', 'fairway.dev/b': '2', other: 'x' } } })
    const annotations = { 'fairway.dev/a': '1', 'fairway.dev/b': null, 'fairway.dev/c': '3', 'fairway.dev/d': null }
    assert.deepEqual(patch(have, { annotations }), {
      metadata: { uid: 'u', annotations: { 'fairway.dev/b': null, 'fairway.dev/c': '3' } },
    })
  })
})

function managed(manager: string, time: string, fieldsV1: object, subresource = 'status'): object {
  return { manager, time, subresource, fieldsV1 }
}

suite('writing', () => {
  const signal = new AbortController().signal
  const full = want({
    conditions: [condition('Allocated', 'True')],
    finalizers: { add: FINALIZER },
    annotations: { 'fairway.dev/x': '1' },
  })
  let server: FakeApiServer
  let client: KubeClient

  beforeEach(async () => {
    server = await FakeApiServer.start()
    client = createKubeClient({ kubeConfig: server.kubeConfig() })
  })

  afterEach(async () => {
    await client.close()
    await server.close()
  })

  function stored(): ServiceObject {
    const raw =
      server.get(SERVICES.path, 'ns', 'web') ??
      server.put(SERVICES.path, {
        metadata: { name: 'web', namespace: 'ns' },
        spec: { type: 'LoadBalancer', ports: [] },
        status: { conditions: [{ ...condition('x', 'True'), type: 'others', ...then }] },
      })
    const kept = keepService(raw)
    assert.ok(kept)
    return kept
  }

  test('one patch of the status writes all; a second write over its answer sends nothing; others keep what is theirs', async () => {
    const outcome = await writeStatus(client, stored(), full, signal)
    assert.ok(outcome.kind === 'written')
    assert.deepEqual(outcome.service, stored())
    assert.deepEqual(await writeStatus(client, outcome.service, full, signal), { kind: 'unchanged' })
    const [request] = server.requests
    assert.equal(server.requests.length, 1)
    assert.deepEqual([request?.method, request?.path], ['PATCH', '/api/v1/namespaces/ns/services/web/status'])
    assert.equal(request?.headers['content-type'], 'application/strategic-merge-patch+json')
    assert.equal(request.query.get('fieldManager'), 'fairway')
    assert.match(JSON.stringify(server.get(SERVICES.path, 'ns', 'web')), /"type":"others"/)
  })

  test('a Service made anew, gone, or changed meanwhile is an outcome, not an error', async () => {
    const seen = stored()
    const noFinalizer = { ...full, finalizers: {} }
    server.remove(SERVICES.path, 'ns', 'web')
    assert.deepEqual(await writeStatus(client, seen, full, signal), { kind: 'gone' })
    stored()
    assert.deepEqual(await writeStatus(client, seen, noFinalizer, signal), { kind: 'gone' })
    assert.deepEqual(await writeStatus(client, seen, full, signal), { kind: 'conflict' })
    server.fault(() => true, refuse(422, 'Invalid', {}, { causes: [{ field: 'status.loadBalancer.ingress' }] }))
    assert.deepEqual(await writeStatus(client, seen, full, signal), { kind: 'conflict' })
  })

  test('any other refusal is thrown', async () => {
    for (const code of [403, 422, 429, 500]) {
      server.fault(() => true, refuse(code))
      await assert.rejects(writeStatus(client, stored(), full, signal), { status: code })
    }
  })

  test('the cluster is known by a namespace', async () => {
    server.put('/api/v1/namespaces', { metadata: { name: 'kube-system' } })
    server.fault(
      ({ path }) => path.endsWith('/kube-system'),
      (_request, response) => void response.end('{"metadata": {"uid": "c1"}}'),
    )
    assert.equal(await clusterUid(client, signal), 'c1')
  })

  test('rivals are those who wrote the load balancer status, the newest first', async () => {
    const address = { 'f:status': { 'f:loadBalancer': {} } }
    const managedFields = [
      managed('fairway', '2026-01-04T00:00:00Z', address),
      managed('old', '2026-01-01T00:00:00Z', address),
      managed('metallb', '2026-01-03T00:00:00Z', address),
      managed('conditions', '2026-01-02T00:00:00Z', { 'f:status': { 'f:conditions': {} } }),
      managed('kubectl', '2026-01-02T00:00:00Z', { 'f:spec': {} }, ''),
    ]
    server.put(SERVICES.path, { metadata: { name: 'web', namespace: 'ns', managedFields } })
    assert.deepEqual(await statusRivals(client, { namespace: 'ns', name: 'web' }, signal), ['metallb', 'old'])
  })
})
