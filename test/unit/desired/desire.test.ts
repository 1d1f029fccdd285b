import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { accountedKeys, desireClass, selectServices } from '../../../src/desired/desire.ts'
import { frontendKey } from '../../../src/model/table.ts'
import { recorded } from '../../support/allocations.ts'
import { classSpec, createdAt, desire, held, node, PUBLIC, service } from '../../support/builders.ts'

const POOLS = classSpec().pools
const keysOf = (desired: ReturnType<typeof desire>) => desired.table.frontends.map(frontendKey)
const codesOf = (desired: ReturnType<typeof desire>) =>
  Object.fromEntries(
    [...desired.problems].map(([uid, list]) => [
      uid.replace('uid of default/', ''),
      list.map(({ problem }) => problem.code),
    ]),
  )

test('a class serves what selection gives to it, and nothing else', () => {
  const rules = [PUBLIC, { ...PUBLIC, name: 'private', default: false }]
  const services = [
    service('ours'),
    service('theirs', { annotations: { class: 'private' } }),
    service('refused', { annotations: { class: 'x' } }),
    service('released', {
      record: held('25/TCP', '203.0.113.12'),
      meta: { deletionTimestamp: '2026-01-01T00:00:00Z' },
    }),
    service('nobody', { type: 'ClusterIP' }),
  ]
  const selections = selectServices(services, rules)
  assert.deepEqual(
    selections.map(({ kind, service: of }) => `${of.metadata.name} ${kind}`),
    ['ours wanted', 'theirs wanted', 'refused refused', 'released released'],
  )
  const state = { services, nodes: [], slicesOf: () => [] }
  const names = (name: string) =>
    desireClass(classSpec({ name }), selections, state).table.frontends.map(({ service: of }) => of?.name)
  assert.deepEqual([names('public'), names('private'), names('other')], [['ours'], ['theirs'], []])
})

test('every problem of a Service is told, in one list: class, annotations, allocation, targets', () => {
  const web = service('web', {
    annotations: { class: 'publik', weather: 'x', targets: 'pods' },
    ports: ['443', '22'],
    record: held('443/TCP', '203.0.113.10'),
  })
  const rules = { ...classSpec().rules, deniedPorts: new Set([22]) }
  const desired = desire([web, service('fine', { ports: ['80'] })], { rules })
  assert.deepEqual(codesOf(desired), { web: ['ClassUnknown', 'AnnotationUnknown', 'PortDenied', 'Unsupported'] })
  assert.deepEqual(keysOf(desired), ['tcp/203.0.113.10:443', 'tcp/203.0.113.10:80'])
})

test('ports whose clients cannot be told apart are closed, and told as not served', () => {
  const record = held('443/TCP', '203.0.113.10')
  const open = service('open', { record: held('80/TCP', '203.0.113.10'), ports: ['80'] })
  const closed = service('closed', { record, spec: { loadBalancerSourceRanges: ['010.0.0.0/8'] } })
  const desired = desire([open, closed])
  assert.deepEqual(keysOf(desired), ['tcp/203.0.113.10:80'])
  assert.deepEqual(
    [...desired.held.entries()].map(([key, { code }]) => [key, code]),
    [['tcp/203.0.113.10:443', 'AddressInvalid']],
  )
})

describe('while an annotation is malformed', () => {
  const record = held('443/TCP 25/TCP', '203.0.113.12')
  const sni = {
    ...record,
    ports: [
      { text: '443/TCP', hosts: ['a.example', 'b.example'] },
      { text: '25/TCP', hosts: [] },
    ],
  }
  const broken = service('broken', {
    type: 'NodePort',
    ports: ['https:8443'],
    annotations: { class: 'public', ports: 'https=44x' },
    record,
  })

  test('the frontends that a Service holds stay, and are held as they are', () => {
    const desired = desire([broken, service('fine')])
    assert.deepEqual(keysOf(desired), ['tcp/203.0.113.10:443', 'tcp/203.0.113.12:25', 'tcp/203.0.113.12:443'])
    assert.deepEqual(
      [...desired.held].map(([key, { code }]) => `${key} ${code}`),
      ['tcp/203.0.113.12:25 AnnotationInvalid', 'tcp/203.0.113.12:443 AnnotationInvalid'],
    )
  })

  test('its hosts are those that are recorded, also where it is they that cannot be read', () => {
    const annotations = { class: 'public', ports: 'https=443', hosts: 'A.example' }
    const desired = desire([service('broken', { type: 'NodePort', ports: ['https:8443'], annotations, record: sni })])
    assert.deepEqual([...desired.held.keys()], ['tcp/203.0.113.12:25', 'tcp/203.0.113.12:443#a.example,b.example'])
    assert.deepEqual(keysOf(desired), [...desired.held.keys()])
  })

  test('nothing of another Service is held, nor by an unknown annotation', () => {
    assert.equal(desire([service('fine', { annotations: { weather: 'x' } })]).held.size, 0)
  })

  test('what is recorded comes back once the mistake is mended', () => {
    const mended = {
      ...broken,
      metadata: {
        ...broken.metadata,
        annotations: { 'fairway.dev/class': 'public', 'fairway.dev/ports': 'https=443' },
      },
    }
    assert.deepEqual(keysOf(desire(recorded([mended], POOLS))), ['tcp/203.0.113.12:443'])
  })
})

test('the result does not depend on the order of Services, nodes or annotations', () => {
  const services = [
    service('a', { annotations: { sharing: 'dedicated', balance: 'random', zebra: '1', apple: '2' } }),
    service('b', { ports: ['80', '443'], meta: createdAt(9) }),
    service('c', { ports: ['80'], record: held('80/TCP', '203.0.113.12') }),
  ]
  const nodes = [node('n1', ['InternalIP 10.0.0.1']), node('n2', ['InternalIP 10.0.0.2'])]
  const once = desire(services, {}, { nodes })
  const again = desire(services.toReversed(), {}, { nodes: nodes.toReversed() })
  assert.equal(JSON.stringify(again.table), JSON.stringify(once.table))
  assert.deepEqual([...again.problems], [...once.problems])
})

test('accounted for is what Services in the cluster hold, wanted or not', () => {
  const services = [
    service('a', { record: held('443/TCP 53/UDP', '203.0.113.10', '2001:db8::1') }),
    service('b', {
      record: { ...held('80/TCP', '198.51.100.1'), className: 'other' },
      meta: { deletionTimestamp: 'x' },
    }),
    service('c', { record: held('', '203.0.113.11') }),
    service('d'),
    service('e', {
      record: { ...held('', '203.0.113.12'), ports: [{ text: '443/TCP', hosts: ['*.b.example', 'a.example'] }] },
    }),
  ]
  assert.deepEqual(
    [...accountedKeys(services)],
    [
      'tcp/203.0.113.10:443',
      'tcp/[2001:db8::1]:443',
      'udp/203.0.113.10:53',
      'udp/[2001:db8::1]:53',
      'tcp/198.51.100.1:80',
      'tcp/203.0.113.12:443#*.b.example,a.example',
    ],
  )
})
