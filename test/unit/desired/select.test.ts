import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ClassRule, isMarked, selectService } from '../../../src/desired/select.ts'
import type { ServiceObject, ServiceSpec } from '../../../src/kube/objects.ts'
import { CLEANUP_FINALIZER, PROGRAMMED_CONDITION } from '../../../src/model/names.ts'
import { brief } from '../../support/allocations.ts'
import { allocatedCondition, held, service } from '../../support/builders.ts'

const CLASSES: readonly ClassRule[] = [
  { name: 'public', default: false, aliases: ['kubelb'], namespaces: ['*'] },
  { name: 'private', default: false, aliases: [], namespaces: ['team-a'] },
]
const WITH_DEFAULT = CLASSES.map((one) => ({ ...one, default: one.name === 'public' }))
const HELD = held('443/TCP', '203.0.113.10')
const DELETED = { deletionTimestamp: '2026-01-01T00:00:00Z' }

interface Row {
  readonly type: ServiceSpec['type']
  readonly asks: { readonly class?: string; readonly field?: string }
  readonly holds?: boolean
  readonly deleted?: boolean
  readonly result: string
}

const OURS = { class: 'public' }
const UNKNOWN = { class: 'publik' }
const FORBIDDEN = { class: 'private' }
const ANOTHERS = { field: 'example.org/lb' }

/** The table above `selectService`, row by row; the namespace is `default`, no class is the default one. */
const ROWS: readonly Row[] = [
  { type: 'LoadBalancer', asks: OURS, result: 'wanted public' },
  { type: 'LoadBalancer', asks: OURS, holds: true, result: 'wanted public' },
  { type: 'NodePort', asks: OURS, result: 'wanted public' },
  { type: 'NodePort', asks: OURS, holds: true, result: 'wanted public' },
  { type: 'LoadBalancer', asks: { field: 'fairway.dev/public' }, result: 'wanted public' },
  { type: 'LoadBalancer', asks: { field: 'kubelb' }, result: 'wanted public' },
  { type: 'LoadBalancer', asks: { class: 'public', field: 'kubelb' }, result: 'wanted public' },
  { type: 'LoadBalancer', asks: UNKNOWN, holds: true, result: 'wanted public ClassUnknown' },
  { type: 'NodePort', asks: UNKNOWN, holds: true, result: 'wanted public ClassUnknown' },
  { type: 'LoadBalancer', asks: FORBIDDEN, holds: true, result: 'wanted public ClassForbidden' },
  {
    type: 'LoadBalancer',
    asks: { class: 'private', field: 'kubelb' },
    holds: true,
    result: 'wanted public ClassConflict',
  },
  { type: 'LoadBalancer', asks: UNKNOWN, result: 'refused ClassUnknown' },
  { type: 'NodePort', asks: UNKNOWN, result: 'refused ClassUnknown' },
  { type: 'LoadBalancer', asks: { field: 'fairway.dev/publik' }, result: 'refused ClassUnknown' },
  { type: 'LoadBalancer', asks: { class: '' }, result: 'refused ClassUnknown' },
  { type: 'LoadBalancer', asks: FORBIDDEN, result: 'refused ClassForbidden' },
  { type: 'LoadBalancer', asks: { class: 'public', ...ANOTHERS }, result: 'refused ClassConflict' },
  { type: 'ClusterIP', asks: OURS, holds: true, result: 'released public' },
  { type: 'ExternalName', asks: OURS, holds: true, result: 'released public' },
  { type: 'ClusterIP', asks: UNKNOWN, holds: true, result: 'released public' },
  { type: 'LoadBalancer', asks: OURS, holds: true, deleted: true, result: 'released public' },
  { type: 'LoadBalancer', asks: OURS, deleted: true, result: 'nobody' },
  { type: 'LoadBalancer', asks: {}, holds: true, result: 'released public' },
  { type: 'LoadBalancer', asks: ANOTHERS, holds: true, result: 'released public' },
  { type: 'NodePort', asks: {}, holds: true, result: 'released public' },
  { type: 'LoadBalancer', asks: {}, result: 'nobody' },
  { type: 'LoadBalancer', asks: ANOTHERS, result: 'nobody' },
  { type: 'NodePort', asks: {}, result: 'nobody' },
  { type: 'ClusterIP', asks: {}, result: 'nobody' },
  { type: 'ClusterIP', asks: OURS, result: 'refused TypeUnsupported' },
  { type: 'ExternalName', asks: OURS, result: 'refused TypeUnsupported' },
  // A field that only LoadBalancer Services have says nothing on others (core/v1 ServiceSpec).
  { type: 'NodePort', asks: { field: 'kubelb' }, result: 'nobody' },
]

function serviceOf({ type, asks, holds, deleted }: Omit<Row, 'result'>): ServiceObject {
  return service('web', {
    type,
    annotations: asks.class === undefined ? {} : { class: asks.class },
    spec: asks.field === undefined ? {} : { loadBalancerClass: asks.field },
    record: holds === true ? HELD : undefined,
    meta: deleted === true ? DELETED : {},
  })
}

function describeRow({ type, asks, holds, deleted, result }: Row): string {
  const named = [asks.class === undefined ? [] : `annotation "${asks.class}"`, asks.field ?? []].flat().join(' and ')
  const state = [deleted === true ? 'deleted' : [], holds === true ? 'held' : []].flat().join(', ')
  return `${type}, ${named || 'no class'}${state && `, ${state}`}: ${result}`
}

describe('whose a Service is', () => {
  for (const row of ROWS) {
    test(describeRow(row), () => assert.equal(brief(selectService(serviceOf(row), CLASSES)), row.result))
  }
})

const select = (asks: Row['asks'], type: Row['type'] = 'LoadBalancer') =>
  brief(selectService(serviceOf({ type, asks }), WITH_DEFAULT))

describe('a default class', () => {
  test('takes LoadBalancer Services that name none', () => assert.equal(select({}), 'wanted public'))
  test('takes no other type', () =>
    assert.deepEqual([select({}, 'NodePort'), select({}, 'ClusterIP')], ['nobody', 'nobody']))
  test("leaves another controller's", () => assert.equal(select(ANOTHERS), 'nobody'))
  test('does not stand in for a class that does not exist', () => assert.equal(select(UNKNOWN), 'refused ClassUnknown'))
  test('refuses namespaces that it does not allow', () => {
    const closed = [{ ...CLASSES[0], name: 'public', default: true, aliases: [], namespaces: ['team-a'] }]
    assert.equal(brief(selectService(serviceOf({ type: 'LoadBalancer', asks: {} }), closed)), 'refused ClassForbidden')
  })
})

describe('what makes a Service ours', () => {
  const asks = { annotations: { class: 'private' } }
  const programmed = { ...allocatedCondition('', 'False'), type: PROGRAMMED_CONDITION }
  const marks: readonly (readonly [string, ServiceObject, string])[] = [
    ['our finalizer', service('web', { ...asks, meta: { finalizers: [CLEANUP_FINALIZER] } }), 'released no class'],
    [
      'a refused allocation',
      service('web', { ...asks, conditions: [allocatedCondition('', 'False')] }),
      'released no class',
    ],
    ['our other condition', service('web', { ...asks, conditions: [programmed] }), 'released no class'],
    ["another's finalizer", service('web', { ...asks, meta: { finalizers: ['x/y'] } }), 'refused ClassForbidden'],
  ]
  for (const [what, one, result] of marks) {
    test(`${what}: ${result}`, () => {
      assert.equal(brief(selectService(one, CLASSES)), result)
      assert.equal(isMarked(one), result.startsWith('released'))
    })
  }

  test('what another Fairway wrote on a Service of its class is left alone', () => {
    const conditions = [allocatedCondition('', 'False')]
    const waiting = service('web', { annotations: { class: 'elsewhere' }, conditions })
    assert.equal(brief(selectService(waiting, CLASSES)), 'refused ClassUnknown')
    const aliased = service('web', {
      annotations: { class: 'elsewhere' },
      spec: { loadBalancerClass: 'example.org/lb' },
      record: { ...HELD, className: 'elsewhere' },
    })
    assert.equal(brief(selectService(aliased, CLASSES)), 'refused ClassConflict')
  })
})

describe('what a refused Service is told', () => {
  const messages: readonly (readonly [Row['asks'], ServiceSpec['type'], string, string])[] = [
    [
      UNKNOWN,
      'LoadBalancer',
      'Service default/web names class "publik", which the configuration does not have (did you mean "public"?)',
      'Use one of: public, private',
    ],
    [
      FORBIDDEN,
      'LoadBalancer',
      'Service default/web may not use class "private" from namespace "default"',
      'Ask whoever runs Fairway to add the namespace to namespaces.allow of the class',
    ],
    [
      { class: 'public', ...ANOTHERS },
      'LoadBalancer',
      'Service default/web names class "public" by annotation and "example.org/lb" by spec.loadBalancerClass',
      'Remove the annotation fairway.dev/class, or create the Service anew with one loadBalancerClass',
    ],
    [
      OURS,
      'ClusterIP',
      'Service default/web is of type ClusterIP, which has no node ports',
      'Set spec.type to LoadBalancer or NodePort, or remove its Fairway class',
    ],
  ]
  for (const [asks, type, message, remedy] of messages) {
    test(message, () => {
      const selection = selectService(serviceOf({ type, asks }), CLASSES)
      assert.ok(selection?.kind === 'refused')
      assert.deepEqual([selection.problem.message, selection.problem.remedy], [message, remedy])
    })
  }
})
