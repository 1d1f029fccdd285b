import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { on, owned, rules } from './builders.ts'
import { decide, messageFor, verdicts } from './decide.ts'

describe('who gets a socket', () => {
  test('owners on sockets of their own are all served', () => {
    const tables = [
      owned('prod-a/public', '203.0.113.10:443', '203.0.113.10:80'),
      owned('prod-b/public', '203.0.113.11:443', 'udp/203.0.113.10:443'),
    ]
    assert.deepEqual(new Set(Object.values(verdicts({ tables }))), new Set(['served']))
  })

  const both = [owned('prod-a/public', '203.0.113.10:443'), owned('prod-b/public', '203.0.113.10:443')]

  test('of two new claims the first by name wins, and both are told by name', () => {
    assert.deepEqual(verdicts({ tables: both }), {
      'prod-a/public tcp/203.0.113.10:443': 'served, told PortTaken',
      'prod-b/public tcp/203.0.113.10:443': 'PortTaken',
    })
    assert.equal(messageFor({ tables: both }, 'prod-b/public'), 'tcp/203.0.113.10:443 is held by prod-a/public')
    const [notice] = decide({ tables: both }).notices.get('prod-a/public') ?? []
    assert.equal(notice?.problem.message, 'tcp/203.0.113.10:443 is asked for by prod-b/public too')
  })

  test('who held it before keeps it, whatever the names', () => {
    const order = ['prod-b/public tcp/203.0.113.10:443']
    assert.deepEqual(verdicts({ tables: both, order }), {
      'prod-a/public tcp/203.0.113.10:443': 'PortTaken',
      'prod-b/public tcp/203.0.113.10:443': 'served, told PortTaken',
    })
  })

  test('what its holder gives up goes to who has waited longest, and the one who comes back waits', () => {
    const claims = ['prod-c/public', 'prod-b/public', 'prod-a/public'].map((name) => owned(name, '203.0.113.10:443'))
    const first = decide({ tables: claims.slice(0, 1) })
    const second = decide({ tables: claims.slice(0, 2), order: first.order })
    const third = decide({ tables: claims, order: second.order })
    assert.deepEqual(third.order, [
      'prod-c/public tcp/203.0.113.10:443',
      'prod-b/public tcp/203.0.113.10:443',
      'prod-a/public tcp/203.0.113.10:443',
    ])
    const without = decide({ tables: claims.slice(1), order: third.order })
    const back = decide({ tables: claims, order: without.order })
    assert.deepEqual(
      [...back.origins.values()].map((one) => one.owner),
      ['prod-b/public'],
    )
  })

  test('a socket that was given to one stays with it, though an older claim on more waits', () => {
    // b wants all addresses, and waits for a; c comes later, and gets one that a does not have.
    const publish = new Map([['203.0.113.99', '*']])
    const input = { rules: rules({ publish }) }
    const [a, b, c] = [
      owned('prod-a/public', '203.0.113.10:443'),
      owned('prod-b/public', '203.0.113.99:443'),
      owned('prod-c/public', '203.0.113.11:443'),
    ]
    const first = decide({ ...input, tables: [a] })
    const second = decide({ ...input, tables: [a, b], order: first.order })
    const third = decide({ ...input, tables: [a, b, c], order: second.order })
    assert.deepEqual(verdicts({ ...input, tables: [b, c], order: third.order }), {
      'prod-b/public tcp/203.0.113.99:443': 'PortTaken',
      'prod-c/public tcp/203.0.113.11:443': 'served, told PortTaken',
    })
  })

  test('a frontend of the configuration goes before all, and may be anywhere', () => {
    const fixed = [owned('_fixed/kube-apiserver', '203.0.113.10:443', '192.0.2.1:22')]
    const input = { fixed, tables: both, order: ['prod-b/public tcp/203.0.113.10:443'] }
    assert.deepEqual(verdicts(input), {
      '_fixed/kube-apiserver tcp/192.0.2.1:22': 'served',
      '_fixed/kube-apiserver tcp/203.0.113.10:443': 'served, told PortTaken',
      'prod-a/public tcp/203.0.113.10:443': 'PortTaken',
      'prod-b/public tcp/203.0.113.10:443': 'PortTaken',
    })
    const held = "tcp/203.0.113.10:443 is held by frontend kube-apiserver of the proxy's own configuration"
    assert.equal(messageFor(input, 'prod-a/public'), held)
  })

  test('two classes of one cluster are told the Service, two clusters are not', () => {
    const service = { namespace: 'team-a', name: 'secret-project', uid: 'u' }
    const holder = owned('prod-a/public', on('203.0.113.10:443', { service }))
    const sister = owned('prod-a/second', '203.0.113.10:443')
    const stranger = owned('prod-b/public', '203.0.113.10:443')
    const input = { tables: [holder, sister, stranger] }
    const held = 'tcp/203.0.113.10:443 is held by prod-a/public'
    assert.equal(messageFor(input, 'prod-a/second'), `${held} (Service team-a/secret-project)`)
    assert.equal(messageFor(input, 'prod-b/public'), held)
  })
})

describe('hosts', () => {
  test('frontends of one owner share a socket by them', () => {
    const tables = [
      owned('prod-a/public', '203.0.113.10:443#a.example', '203.0.113.10:443#*.b.example', '203.0.113.10:443'),
    ]
    assert.deepEqual(new Set(Object.values(verdicts({ tables }))), new Set(['served']))
  })

  test('a host that another frontend of the owner has takes in is refused', () => {
    const tables = [owned('prod-a/public', '203.0.113.10:443#*.b.example', '203.0.113.10:443#x.b.example')]
    assert.deepEqual(verdicts({ tables }), {
      'prod-a/public tcp/203.0.113.10:443#*.b.example': 'served',
      'prod-a/public tcp/203.0.113.10:443#x.b.example': 'HostTaken',
    })
  })

  test('two owners never share a socket', () => {
    const tables = [
      owned('prod-a/public', '203.0.113.10:443#a.example'),
      owned('prod-a/two', '203.0.113.10:443#b.example'),
    ]
    assert.deepEqual(verdicts({ tables }), {
      'prod-a/public tcp/203.0.113.10:443#a.example': 'served, told PortTaken',
      'prod-a/two tcp/203.0.113.10:443#b.example': 'PortTaken',
    })
  })

  test('fixed frontends share a socket among themselves', () => {
    const fixed = [owned('_fixed/a', '203.0.113.10:443#a.example'), owned('_fixed/b', '203.0.113.10:443#b.example')]
    assert.deepEqual(new Set(Object.values(verdicts({ fixed }))), new Set(['served']))
  })
})
