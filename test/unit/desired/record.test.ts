import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { formatRecord, parseRecord, recordedFrontends, recordOf } from '../../../src/desired/record.ts'
import { frontendKey } from '../../../src/model/table.ts'
import { allocatedCondition, held, service } from '../../support/builders.ts'

describe('records', () => {
  const table: readonly (readonly [ReturnType<typeof held>, string])[] = [
    [held('443/TCP', '203.0.113.10'), '203.0.113.10 for ports 443/TCP of class public'],
    [
      held('443/TCP 53/UDP', '2001:db8::1', '203.0.113.10'),
      '2001:db8::1, 203.0.113.10 for ports 443/TCP, 53/UDP of class public',
    ],
    [held('', '203.0.113.10'), '203.0.113.10 for ports none of class public'],
    [
      held('80/TCP 443/TCP=a.example,*.b.example', '203.0.113.10'),
      '203.0.113.10 for ports 80/TCP, 443/TCP=a.example,*.b.example of class public',
    ],
    // One address at each site.
    [
      held('443/TCP', '203.0.113.10', '198.51.100.1', '2001:db8::1'),
      '203.0.113.10, 198.51.100.1, 2001:db8::1 for ports 443/TCP of class public',
    ],
  ]
  for (const [record, message] of table) {
    test(`"${message}"`, () => {
      assert.equal(formatRecord(record), message)
      assert.deepEqual(parseRecord(message), record)
    })
  }

  const foreign = [
    '',
    'Allocated',
    '203.0.113.10 of class public',
    '203.0.113.010 for ports 443/TCP of class public',
    'edge.example for ports 443/TCP of class public',
    '203.0.113.10 for ports 443 of class public',
    '203.0.113.10 for ports 443/SCTP of class public',
    '203.0.113.10 for ports 443/TCP of class public and more',
    '203.0.113.10 for ports 443/TCP of class ',
    '203.0.113.10, 203.0.113.10 for ports 443/TCP of class public',
    '203.0.113.10 for ports 443/TCP= of class public',
    '203.0.113.10 for ports 443/TCP=A.example of class public',
    '203.0.113.10 for ports 443/TCP=a.*.example of class public',
    '203.0.113.10 for ports 443/TCP=a.example,,b.example of class public',
    '203.0.113.10 for ports 443/UDP=a.example of class public',
    '203.0.113.10 for ports none=a.example of class public',
    '2001:DB8::1 for ports 443/TCP of class public',
    'x 203.0.113.10 for ports 443/TCP of class public',
  ]
  for (const message of foreign) {
    test(`"${message}" is none that we wrote`, () => assert.equal(parseRecord(message), undefined))
  }

  test('only the condition of a granted allocation is one', () => {
    const message = '203.0.113.10 for ports 443/TCP of class public'
    assert.deepEqual(
      recordOf(service('web', { conditions: [allocatedCondition(message)] })),
      held('443/TCP', '203.0.113.10'),
    )
    const others = [
      service('web'),
      service('web', { conditions: [allocatedCondition(message, 'False')] }),
      service('web', { conditions: [{ ...allocatedCondition(message), type: 'fairway.dev/Programmed' }] }),
      // Whoever may edit a Service may set this one.
      service('web', { annotations: { 'external-address': '203.0.113.10' } }),
    ]
    assert.deepEqual(others.map(recordOf), [undefined, undefined, undefined, undefined])
  })

  test('each stands for the frontends of its addresses, ports and hosts', () => {
    const record = held('443/TCP=a.example,b.example 53/UDP', '203.0.113.10', '2001:db8::1')
    assert.deepEqual(recordedFrontends(record).map(frontendKey), [
      'tcp/203.0.113.10:443#a.example,b.example',
      'tcp/[2001:db8::1]:443#a.example,b.example',
      'udp/203.0.113.10:53',
      'udp/[2001:db8::1]:53',
    ])
  })
})
