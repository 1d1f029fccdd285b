import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createLedger, describeClaimant } from '../../../src/desired/ledger.ts'
import { demand } from '../../support/allocations.ts'
import { service } from '../../support/builders.ts'

const ADDRESS = '203.0.113.10'
const asking = (name: string, sharing = 'any', hosts?: string) =>
  demand(service(name, { annotations: { sharing, ...(hosts === undefined ? {} : { hosts }) } }))
const HTTPS = { port: 443, protocol: 'TCP', hosts: [] } as const

describe('who objects to sharing an address', () => {
  const cases: readonly (readonly [users: readonly string[], asks: string, objector: string | undefined])[] = [
    [[], 'team-a/x dedicated', undefined],
    [['team-a/a any'], 'team-a/x dedicated', 'team-a/a'],
    [['team-a/a any', 'team-a/b dedicated'], 'team-a/x any', 'team-a/b'],
    [['team-a/a any', 'team-b/b any'], 'team-a/x namespace', 'team-b/b'],
    [['team-a/a namespace', 'team-b/b namespace'], 'team-a/x any', 'team-b/b'],
    [['team-a/a namespace', 'team-a/b namespace'], 'team-a/x any', undefined],
    // Never who asks itself.
    [['team-a/x dedicated'], 'team-a/x dedicated', undefined],
    [['team-a/x dedicated', 'team-a/b dedicated'], 'team-a/x dedicated', 'team-a/b'],
    [['team-a/x dedicated', 'team-b/b namespace'], 'team-a/x dedicated', 'team-b/b'],
  ]
  for (const [users, asks, objector] of cases) {
    test(`${users.join(', ') || 'nobody'} there, ${asks} asks: ${objector ?? 'nobody'}`, () => {
      const ledger = createLedger()
      const all = new Map([...users, asks].map((one) => [one, asking(...(one.split(' ') as [string, string]))]))
      for (const one of users) {
        const user = all.get(one)
        if (user !== undefined) ledger.claim(ADDRESS, [], user)
      }
      const who = all.get(asks)
      const found = who && ledger.objector(ADDRESS, who)
      assert.equal(found && describeClaimant(found), objector && `Service ${objector}`)
    })
  }
})

describe('who holds a socket', () => {
  const [first, second] = [asking('first'), asking('second')]

  test('is whoever came first, for everybody else', () => {
    const ledger = createLedger()
    ledger.claim(ADDRESS, [HTTPS], first)
    ledger.claim(ADDRESS, [HTTPS], second)
    assert.deepEqual(ledger.conflicts(ADDRESS, HTTPS, second), [
      { host: undefined, holder: first, heldHost: undefined },
    ])
    assert.deepEqual(ledger.conflicts(ADDRESS, HTTPS, first), [])
  })

  test('holds nothing of another port, protocol or address, nor of any host', () => {
    const ledger = createLedger()
    ledger.claim(ADDRESS, [HTTPS, { port: 65_535, protocol: 'UDP', hosts: [] }], first)
    ledger.claim('203.0.113.11', [], first)
    const others = [
      [ADDRESS, { ...HTTPS, port: 444 }],
      [ADDRESS, { ...HTTPS, protocol: 'UDP' }],
      [ADDRESS, { ...HTTPS, hosts: ['a.example'] }],
      ['203.0.113.11', HTTPS],
      ['203.0.113.11', { ...HTTPS, port: 0 }],
      ['203.0.113.12', HTTPS],
    ] as const
    for (const [address, claim] of others) assert.deepEqual(ledger.conflicts(address, claim, second), [])
  })

  test('a conflict names the host that is asked for, and the one that is held', () => {
    const ledger = createLedger()
    ledger.claim(ADDRESS, [{ ...HTTPS, hosts: ['*.example'] }], first)
    const claim = { ...HTTPS, hosts: ['a.example', 'example'] }
    assert.deepEqual(ledger.conflicts(ADDRESS, claim, second), [
      { host: 'a.example', holder: first, heldHost: '*.example' },
    ])
  })
})
