import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { parseLines } from '../../../src/kube/lines.ts'
import { keepEndpointSlice, keepNode, keepService } from '../../../src/kube/resources.ts'

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}

async function all(values: AsyncIterable<unknown>): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const value of values) found.push(value)
  return found
}

suite('lines', () => {
  test('are cut anywhere and put together again', async () => {
    const values = [{ text: 'Größe 🚢' }, {}, { text: 'x'.repeat(50) }]
    const bytes = Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join('\n'))
    for (let size = 1; size <= bytes.length; size += 1) {
      assert.deepEqual(await all(parseLines(chunksOf(bytes, size))), values)
    }
  })

  test('a last one without its end, or one that is no JSON, is an error', async () => {
    await assert.rejects(all(parseLines(chunksOf(Buffer.from('{}\n{"a"'), 3))), /ended within a line/)
    await assert.rejects(all(parseLines(chunksOf(Buffer.from('<p>\n'), 9))), SyntaxError)
  })
})

const metadata = {
  name: 'x',
  namespace: 'ns',
  uid: 'u',
  resourceVersion: '5',
  managedFields: [{ manager: 'kubectl' }],
  labels: { 'kubernetes.io/service-name': 'web', a: 'b' },
  annotations: { 'fairway.dev/class': 'public', 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
  creationTimestamp: '2026-01-01T00:00:00Z',
}

suite('what is kept', () => {
  test('of a Service', () => {
    const kept = keepService({
      metadata,
      spec: {
        type: 'LoadBalancer',
        selector: { a: 'b' },
        ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 'web', nodePort: 0, appProtocol: 'x' }],
        healthCheckNodePort: 0,
        loadBalancerIP: '',
        ipFamilies: ['IPv6'],
      },
      status: {
        loadBalancer: { ingress: [{ ip: '192.0.2.1' }] },
        conditions: [
          { type: 'others/X' },
          { type: 'fairway.dev/Allocated', status: 'True', reason: 'R', message: 'm', lastTransitionTime: 't' },
        ],
      },
    })
    assert.deepEqual(JSON.parse(JSON.stringify(kept)), {
      metadata: {
        name: 'x',
        namespace: 'ns',
        uid: 'u',
        resourceVersion: '5',
        creationTimestamp: '2026-01-01T00:00:00Z',
        annotations: { 'fairway.dev/class': 'public' },
        finalizers: [],
      },
      spec: {
        type: 'LoadBalancer',
        ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 'web' }],
        loadBalancerSourceRanges: [],
        ipFamilies: ['IPv6'],
      },
      status: {
        loadBalancer: { ingress: [{ ip: '192.0.2.1', ports: [] }] },
        conditions: [
          { type: 'fairway.dev/Allocated', status: 'True', reason: 'R', message: 'm', lastTransitionTime: 't' },
        ],
      },
    })
    assert.deepEqual(keepService({ metadata: { name: 'x', uid: 'u' } })?.spec.ports, [])
    assert.equal(keepService({ metadata: {} }), undefined)
  })

  test('of a Node, without what changes at every heartbeat', () => {
    const kept = keepNode({
      metadata: { ...metadata, namespace: undefined },
      spec: {
        podCIDR: '10.0.0.0/24',
        unschedulable: true,
        taints: [{ key: 'k', effect: 'NoSchedule', timeAdded: 't' }],
      },
      status: {
        addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
        images: [{}],
        conditions: [
          { type: 'MemoryPressure', status: 'False' },
          { type: 'Ready', status: 'True', lastHeartbeatTime: 't' },
        ],
      },
    })
    assert.deepEqual(JSON.parse(JSON.stringify(kept)), {
      metadata: { name: 'x', uid: 'u', resourceVersion: '5', labels: metadata.labels },
      spec: { unschedulable: true, taints: [{ key: 'k', effect: 'NoSchedule' }] },
      status: { addresses: [{ type: 'InternalIP', address: '10.0.0.1' }], ready: 'True' },
    })
  })

  test('of an EndpointSlice, if it belongs to a Service', () => {
    const endpoint = {
      addresses: ['10.0.0.1'],
      conditions: { ready: true, serving: true },
      nodeName: 'n',
      targetRef: { name: 'pod' },
      zone: 'z',
    }
    const kept = keepEndpointSlice({
      metadata,
      addressType: 'IPv4',
      endpoints: [endpoint, { addresses: ['10.0.0.2'] }],
      ports: [{ port: 80 }],
    })
    assert.deepEqual(JSON.parse(JSON.stringify(kept)), {
      metadata: { name: 'x', namespace: 'ns', uid: 'u', resourceVersion: '5' },
      service: 'web',
      addressType: 'IPv4',
      endpoints: [
        { addresses: ['10.0.0.1'], conditions: { ready: true, serving: true }, nodeName: 'n' },
        { addresses: ['10.0.0.2'], conditions: {} },
      ],
      ports: [{ name: '', protocol: 'TCP', port: 80 }],
    })
    assert.deepEqual(keepEndpointSlice({ metadata, addressType: 'IPv4', endpoints: null, ports: null })?.endpoints, [])
    assert.equal(keepEndpointSlice({ metadata: { ...metadata, labels: {} }, endpoints: [] }), undefined)
  })
})
