import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ClassRule, selectService } from '../../../src/desired/select.ts'
import type { ServiceObject } from '../../../src/kube/objects.ts'
import { brief, demand } from '../../support/allocations.ts'
import { held, service } from '../../support/builders.ts'

const CLASSES: readonly ClassRule[] = [
  { name: 'public', default: false, aliases: ['kubelb'], namespaces: ['*'] },
  { name: 'private', default: false, aliases: [], namespaces: ['team-a'] },
]
const WITH_DEFAULT = CLASSES.map((one) => ({ ...one, default: one.name === 'public' }))
const OURS = { class: 'public' }
const HELD = held('443/TCP', '203.0.113.10')
const DELETED = { deletionTimestamp: '2026-01-01T00:00:00Z' }

describe('in the life of a Service', () => {
  const annotated = { annotations: { class: 'public' } }
  const recordless = service('web', annotated)
  const lost = { ...HELD, className: 'lost' }
  const steps: readonly (readonly [step: string, one: ServiceObject, classes: readonly ClassRule[], result: string])[] =
    [
      ['LoadBalancer with an address', service('web', { ...annotated, record: HELD }), CLASSES, 'wanted public'],
      ['made NodePort', service('web', { ...annotated, type: 'NodePort', record: HELD }), CLASSES, 'wanted public'],
      ['made LoadBalancer again', service('web', { ...annotated, record: HELD }), CLASSES, 'wanted public'],
      ['made ClusterIP', service('web', { ...annotated, type: 'ClusterIP', record: HELD }), CLASSES, 'released public'],
      [
        'made ClusterIP, and let go',
        service('web', { ...annotated, type: 'ClusterIP' }),
        CLASSES,
        'refused TypeUnsupported',
      ],
      // The API server takes loadBalancerClass away with the type.
      [
        'of a default class, made NodePort',
        service('web', { type: 'NodePort', record: HELD }),
        WITH_DEFAULT,
        'released public',
      ],
      ['the annotation is removed', service('web', { record: HELD }), CLASSES, 'released public'],
      [
        'the annotation is removed, which the default class takes',
        service('web', { record: lost }),
        WITH_DEFAULT,
        'wanted public',
      ],
      [
        'another class is named',
        service('team-a/web', { annotations: { class: 'private' }, record: HELD }),
        CLASSES,
        'wanted private',
      ],
      ['deleted', service('web', { ...annotated, record: HELD, meta: DELETED }), CLASSES, 'released public'],
      ['created anew under its name, as another object', recordless, CLASSES, 'wanted public'],
    ]
  for (const [step, one, classes, result] of steps) {
    test(`${step}: ${result}`, () => assert.equal(brief(selectService(one, classes)), result))
  }

  test('what was created anew under its name holds nothing', () => assert.equal(demand(recordless).record, undefined))
})

describe('when the configuration loses a class, as by a slip', () => {
  const lost = { ...HELD, className: 'lost' }
  const named = { annotations: { class: 'lost' }, record: lost }
  const cases: readonly (readonly [one: string, ServiceObject, string])[] = [
    ['a Service that names it keeps what it has', service('web', named), 'refused ClassUnknown'],
    ['so does one of type NodePort', service('web', { ...named, type: 'NodePort' }), 'refused ClassUnknown'],
    [
      'one that names it by loadBalancerClass',
      service('web', { spec: { loadBalancerClass: 'fairway.dev/lost' }, record: lost }),
      'refused ClassUnknown',
    ],
    [
      'one that names it by an alias, which is lost too',
      service('web', { spec: { loadBalancerClass: 'example.org/lb' }, record: lost }),
      'refused ClassUnknown',
    ],
    ['one that names none, since it was the default class', service('web', { record: lost }), 'refused ClassUnknown'],
    ['one that names another class goes there', service('web', { annotations: OURS, record: lost }), 'wanted public'],
    // Only a LoadBalancer Service has a class without naming one: this one named it once.
    ['a NodePort Service that names it no more', service('web', { type: 'NodePort', record: lost }), 'released lost'],
    ['one that is made ClusterIP', service('web', { ...named, type: 'ClusterIP' }), 'released lost'],
    ['one that is deleted', service('web', { ...named, meta: DELETED }), 'released lost'],
    ['one that it gave nothing', service('web', { annotations: { class: 'lost' } }), 'refused ClassUnknown'],
  ]
  for (const [what, one, result] of cases) {
    test(`${what}: ${result}`, () => assert.equal(brief(selectService(one, CLASSES)), result))
  }

  test('its Services are its own again once it is back, whichever way they named it', () => {
    const back = [...CLASSES, { name: 'lost', default: true, aliases: ['example.org/lb'], namespaces: ['*'] }]
    const again = cases.slice(0, 5).map(([, one]) => brief(selectService(one, back)))
    assert.deepEqual(
      again,
      Array.from({ length: 5 }, () => 'wanted lost'),
    )
  })

  test('its Service is told what it holds, and what to do', () => {
    const selection = selectService(service('web', { record: { ...HELD, className: 'lost' } }), CLASSES)
    assert.ok(selection?.kind === 'refused')
    assert.deepEqual(
      [selection.problem.message, selection.problem.remedy],
      [
        'Service default/web holds what class "lost" gave, which the configuration does not have, and names none that it has',
        'Name one of: public, private; or put "lost" back into the configuration',
      ],
    )
  })
})
