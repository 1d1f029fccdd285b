import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ClassSpec } from '../../../src/desired/spec.ts'
import { given, recorded, told } from '../../support/allocations.ts'
import { classSpec, createdAt, held, pool, type ServiceWishes, service } from '../../support/builders.ts'

const POOLS = [pool('main', ['203.0.113.10-203.0.113.11'])]
const made = (name: string, second: number, wishes: ServiceWishes = {}) =>
  service(name, { ...wishes, meta: createdAt(second) })
const limited = (limits: Readonly<Record<string, number>>, pools = POOLS): Partial<ClassSpec> => ({
  pools,
  rules: { ...classSpec().rules, quota: new Map(Object.entries(limits)) },
})
const dual = (policy: 'PreferDualStack' | 'RequireDualStack') =>
  made('web', 1, { ports: ['80', '443'], spec: { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: policy } })

describe('a quota: addresses × ports of a namespace', () => {
  test('the oldest Services first, and other namespaces none the less', () => {
    const services = [made('team-a/c', 3), made('team-a/a', 1), made('team-a/b', 2), made('team-b/d', 4)]
    const pools = [pool('main', ['203.0.113.10-203.0.113.20'])]
    assert.deepEqual(given(services, limited({ 'team-a': 2 }, pools)), {
      'team-a/a': '203.0.113.10 [443/TCP]',
      'team-a/b': '203.0.113.11 [443/TCP]',
      'team-a/c': 'nothing QuotaExceeded',
      'team-b/d': '203.0.113.12 [443/TCP]',
    })
    assert.deepEqual(told('c', services, limited({ 'team-a': 2 }, pools)), [
      'Service team-a/c asks for port 443/TCP, and namespace team-a may have 2 frontends of its class. Free frontends of the namespace, or have its quota raised in the configuration',
    ])
  })

  test('* is for the namespaces that are not named, each for itself', () => {
    const services = [made('team-a/a', 1, { ports: ['80', '443'] }), made('team-b/b', 2, { ports: ['81', '444'] })]
    assert.deepEqual(given(services, limited({ 'team-a': 2, '*': 1 })), {
      'team-a/a': '203.0.113.10 [80/TCP 443/TCP]',
      'team-b/b': '203.0.113.10 [81/TCP] QuotaExceeded',
    })
  })

  test('a port counts on each address; if not even one port fits on all, there are fewer addresses', () => {
    const pools = [pool('main', ['203.0.113.10', '2001:db8::1'])]
    const outcome = (quota: number, policy: 'PreferDualStack' | 'RequireDualStack') =>
      given([dual(policy)], limited({ '*': quota }, pools))['web']
    assert.equal(outcome(4, 'PreferDualStack'), '203.0.113.10 2001:db8::1 [80/TCP 443/TCP]')
    assert.equal(outcome(3, 'PreferDualStack'), '203.0.113.10 2001:db8::1 [80/TCP] QuotaExceeded')
    assert.equal(outcome(1, 'PreferDualStack'), '203.0.113.10 [80/TCP] QuotaExceeded QuotaExceeded')
    assert.equal(outcome(1, 'RequireDualStack'), 'nothing QuotaExceeded')
    assert.equal(outcome(0, 'PreferDualStack'), 'nothing QuotaExceeded QuotaExceeded')
  })

  test('of several sites it pays for as many addresses as it can, one of each family first', () => {
    const sites = ['203.0.113.10', '198.51.100.1', '2001:db8::1', '192.0.2.1'].map((address, at) =>
      pool(`site-${at}`, [address], { proxies: [`edge-${at}`] }),
    )
    const spec = { ipFamilies: ['IPv4', 'IPv6'] as const, ipFamilyPolicy: 'RequireDualStack' as const }
    assert.equal(
      given([made('web', 1, { spec })], limited({ '*': 2 }, sites))['web'],
      '203.0.113.10 2001:db8::1 [443/TCP] QuotaExceeded QuotaExceeded',
    )
    const web = made('web', 1, { record: held('443/TCP', '203.0.113.10') })
    assert.equal(given([web], limited({ '*': 2 }, sites))['web'], '203.0.113.10 198.51.100.1 [443/TCP] QuotaExceeded')
  })

  test('lowered, it takes nothing away, and gives nothing more', () => {
    const both = [pool('main', ['203.0.113.10', '2001:db8::1'])]
    const spec = { ipFamilies: ['IPv4', 'IPv6'] as const, ipFamilyPolicy: 'PreferDualStack' as const }
    const services = [
      made('a', 1, { ports: ['80', '443', '25'], record: held('80/TCP 443/TCP', '203.0.113.10'), spec }),
      made('b', 2, { ports: ['81'] }),
    ]
    assert.deepEqual(given(services, limited({ '*': 1 }, both)), {
      a: '203.0.113.10 [80/TCP 443/TCP] QuotaExceeded QuotaExceeded',
      b: 'nothing QuotaExceeded',
    })
  })

  test('what is recorded counts first, whoever is older', () => {
    const services = [made('old', 1, { ports: ['80'] }), made('young', 2, { record: held('443/TCP', '203.0.113.10') })]
    assert.deepEqual(given(services, limited({ '*': 1 })), {
      old: 'nothing QuotaExceeded',
      young: '203.0.113.10 [443/TCP]',
    })
  })

  test('to move costs nothing', () => {
    const web = made('web', 1, { record: held('443/TCP', '203.0.113.10'), annotations: { address: '203.0.113.11' } })
    assert.deepEqual(given([web], limited({ '*': 1 })), { web: '203.0.113.11 [443/TCP]' })
  })

  test('what a Service gives up is for the next one', () => {
    const spec = limited({ '*': 2 })
    const before = recorded([made('a', 1, { ports: ['80', '443'] }), made('b', 2, { ports: ['81'] })], spec)
    assert.equal(given(before, spec)['b'], 'nothing QuotaExceeded')
    const [a, b] = before
    const fewer = a && { ...a, spec: { ...a.spec, ports: a.spec.ports.slice(0, 1) } }
    assert.deepEqual(
      given(
        [fewer, b].flatMap((one) => one ?? []),
        spec,
      ),
      {
        a: '203.0.113.10 [80/TCP]',
        b: '203.0.113.10 [81/TCP]',
      },
    )
  })
})
