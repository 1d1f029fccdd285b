// What becomes of addresses when the configuration, or a Service's choice of class and pool, changes after they were given.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { given, recorded, told } from '../../support/allocations.ts'
import { createdAt, held, pool, type ServiceWishes, service } from '../../support/builders.ts'

const MAIN = [pool('main', ['203.0.113.10-203.0.113.12'])]
const made = (name: string, second: number, wishes: ServiceWishes = {}) =>
  service(name, { ...wishes, meta: createdAt(second) })
const LEFT = '198.51.100.7'
const left = (wishes: ServiceWishes = {}) => made('web', 1, { record: held('443/TCP', LEFT), ...wishes })
const ofOther = (...addresses: readonly string[]) => ({ ...held('443/TCP', ...addresses), className: 'private' })
const named = (name: string, wishes: ServiceWishes = {}) =>
  made('web', 1, {
    record: held('443/TCP', '203.0.113.12'),
    ...wishes,
    annotations: { pool: name, ...wishes.annotations },
  })

describe('an address that is in no pool any more', () => {
  test('is kept, and told', () => {
    assert.deepEqual(given([left()], MAIN), { web: `${LEFT} [443/TCP] AddressLeftPools` })
    assert.deepEqual(given([left()], []), { web: `${LEFT} [443/TCP] AddressLeftPools` })
    assert.deepEqual(told('web', [left()], MAIN), [
      'Service default/web keeps address 198.51.100.7, which is in no pool of its class any more that it may use. Set fairway.dev/address to move, or put the address back into a pool',
    ])
  })

  test('so is one of a pool that is closed to the namespace, and one that the pool avoids', () => {
    const closed = [pool('main', [LEFT], { namespaces: ['team-a'] })]
    assert.deepEqual(given([left()], closed), { web: `${LEFT} [443/TCP] AddressLeftPools` })
    const edge = made('web', 1, { record: held('443/TCP', '203.0.113.0') })
    const careful = [pool('main', ['203.0.113.0/24'], { avoidEdgeAddresses: true })]
    assert.deepEqual(given([edge], careful), { web: '203.0.113.0 [443/TCP] AddressLeftPools' })
  })

  test('nothing is told when the pool was renamed, split, or only gives no addresses unasked', () => {
    for (const pools of [[pool('renamed', [LEFT])], [...MAIN, pool('b', ['198.51.100.0/24'], { autoAssign: false })]])
      assert.deepEqual(given([left()], pools), { web: `${LEFT} [443/TCP]` })
  })

  test('its Service moves when it asks for another one', () => {
    const web = left({ annotations: { address: '203.0.113.12' } })
    assert.deepEqual(given([web], MAIN), { web: '203.0.113.12 [443/TCP]' })
  })

  test('stays where the one that is asked for cannot be had', () => {
    const web = left({ annotations: { address: '203.0.113.12' } })
    const holder = made('holder', 2, { record: held('443/TCP', '203.0.113.12') })
    assert.equal(given([web, holder], MAIN)['web'], `${LEFT} [443/TCP] PortTaken AddressLeftPools`)
  })

  test('gets a second family from a pool', () => {
    const spec = { ipFamilies: ['IPv4', 'IPv6'] as const, ipFamilyPolicy: 'PreferDualStack' as const }
    const web = left({ spec })
    assert.equal(
      given([web], [pool('main', ['203.0.113.10', '2001:db8::1'])])['web'],
      `${LEFT} 2001:db8::1 [443/TCP] AddressLeftPools`,
    )
  })
})

describe('a class that evicts', () => {
  const EVICTING = { pools: MAIN, evict: true }

  test('gives another address, and says nothing of the old one', () =>
    assert.deepEqual(given([left()], EVICTING), { web: '203.0.113.10 [443/TCP]' }))

  test('takes it back even where there is no other', () => {
    const pools = [pool('main', ['203.0.113.10'])]
    const holder = made('holder', 2, { record: held('443/TCP', '203.0.113.10') })
    assert.equal(given([left(), holder], { pools, evict: true })['web'], 'nothing PoolExhausted')
    assert.equal(given([left()], { pools: [], evict: true })['web'], 'nothing FamilyUnavailable')
  })

  test('leaves the address of the other family', () => {
    const spec = { ipFamilies: ['IPv4', 'IPv6'] as const, ipFamilyPolicy: 'PreferDualStack' as const }
    const record = held('443/TCP', LEFT, '2001:db8::9')
    const pools = [pool('main', ['203.0.113.10', '2001:db8::/120'])]
    assert.deepEqual(given([left({ spec, record })], { pools, evict: true }), {
      web: '203.0.113.10 2001:db8::9 [443/TCP]',
    })
  })

  test('leaves addresses that are in a pool, however they came there', () => {
    const web = made('web', 1, { record: held('443/TCP', '203.0.113.12') })
    assert.deepEqual(given([web], EVICTING), { web: '203.0.113.12 [443/TCP]' })
  })

  test('gives nothing new to who cannot be read', () =>
    assert.deepEqual(given([left({ annotations: { balance: 'fastest' } })], EVICTING), { web: 'nothing' }))
})

describe('another class', () => {
  test('an address of it says nothing about the pools of this one', () => {
    const web = made('web', 1, { record: ofOther(LEFT) })
    assert.deepEqual(given([web], MAIN), { web: '203.0.113.10 [443/TCP]' })
  })

  test('but is kept when it is in them, as after a class was renamed: before what others want', () => {
    const web = made('web', 2, { record: ofOther('203.0.113.12') })
    const wants = made('wants', 1, { annotations: { address: '203.0.113.12' } })
    assert.deepEqual(given([web, wants], MAIN), { web: '203.0.113.12 [443/TCP]', wants: 'nothing PortTaken' })
  })

  test('only if they all are, and the Service may use the pool', () => {
    const pools = [pool('main', ['203.0.113.10-203.0.113.12', '2001:db8::/120'])]
    const spec = { ipFamilies: ['IPv4', 'IPv6'] as const, ipFamilyPolicy: 'PreferDualStack' as const }
    const half = made('web', 1, { spec, record: ofOther('203.0.113.12', '2001:db8:1::1') })
    assert.deepEqual(given([half], pools), { web: '203.0.113.10 2001:db8:: [443/TCP]' })
    const closed = [pool('closed', ['203.0.113.12'], { namespaces: ['team-a'] }), pool('open', ['203.0.113.20'])]
    const web = made('web', 1, { record: ofOther('203.0.113.12') })
    assert.deepEqual(given([web], closed), { web: '203.0.113.20 [443/TCP]' })
  })
})

describe('another pool', () => {
  const POOLS = [...MAIN, pool('gold', ['198.51.100.0/24'])]

  test('named later moves nobody: the Service is told how it can', () => {
    assert.deepEqual(given([named('gold')], POOLS), { web: '203.0.113.12 [443/TCP] AddressOutsidePools' })
    assert.deepEqual(told('web', [named('gold')], POOLS), [
      'Service default/web wants pool "gold", and keeps address 203.0.113.12 of pool main. Set fairway.dev/address to an address of that pool to move, or create the Service anew',
    ])
    assert.deepEqual(given([named('absent')], POOLS), { web: '203.0.113.12 [443/TCP] AddressOutsidePools' })
    assert.deepEqual(given([named('main')], POOLS), { web: '203.0.113.12 [443/TCP]' })
  })

  test('as the remedy says, it moves with an address', () => {
    const web = named('gold', { annotations: { address: '198.51.100.9' } })
    assert.deepEqual(given([web], POOLS), { web: '198.51.100.9 [443/TCP]' })
  })

  test('named as a class default: everybody keeps what he has, newcomers get its addresses', () => {
    const services = [made('web', 1, { record: held('443/TCP', '203.0.113.12') }), made('new', 2)]
    assert.deepEqual(given(services, { pools: POOLS, defaults: { pool: 'gold' } }), {
      web: '203.0.113.12 [443/TCP] AddressOutsidePools',
      new: '198.51.100.0 [443/TCP]',
    })
  })
})

test('a Service that is created anew under its name inherits nothing', () => {
  const [before] = recorded([made('web', 1, { annotations: { address: '203.0.113.12' } })], MAIN)
  assert.ok(before)
  const again = made('web', 9)
  assert.deepEqual(given([again], MAIN), { web: '203.0.113.10 [443/TCP]' })
})
