import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parseServerId, serverId } from '../../../src/caddy/names.ts'
import { checkOwner, isNameOf, parseServerKey, serverKey } from '../../../src/model/server-names.ts'
import { frontend } from '../../support/builders.ts'
import { anyTable, OWNER } from './tables.ts'

test('keys and ids are readable', () => {
  assert.equal(serverKey(OWNER, frontend()), 'fairway.prod.public.tcp.203.0.113.10.443')
  const key = serverKey(OWNER, frontend({ address: '2001:db8::1', port: 53, protocol: 'UDP' }))
  assert.equal(key, 'fairway.prod.public.udp.2001_db8__1.53')
  assert.equal(serverId(OWNER, key), `${key}.${OWNER.uid}`)
})

test('every key and id reads back as what it was made of, and has no slash', () => {
  fc.assert(
    fc.property(anyTable, (table) => {
      for (const { address, port, protocol } of table.frontends) {
        const key = serverKey(OWNER, { address, port, protocol })
        const name = { cluster: 'prod', className: 'public', address, port, protocol }
        assert.deepEqual(parseServerKey(key), name)
        assert.deepEqual(parseServerId(serverId(OWNER, key)), { key, name, uid: OWNER.uid })
        assert.doesNotMatch(serverId(OWNER, key), /[/"\\{}\s]/)
      }
    }),
  )
})

test('owners are compared whole', () => {
  const name = parseServerKey('fairway.prod.public.tcp.203.0.113.10.443')
  assert(name !== undefined)
  assert(isNameOf(OWNER, name))
  for (const other of [
    { ...OWNER, cluster: 'prod-a' },
    { ...OWNER, cluster: 'pro' },
    { ...OWNER, className: 'public-2' },
    { ...OWNER, className: 'pub' },
  ]) {
    assert(!isNameOf(other, name))
  }
})

test('whatever we would not write is nobody of ours', () => {
  const good = 'fairway.prod.public.tcp.203.0.113.10.443'
  for (const key of [
    '443',
    '__proto__',
    '',
    'fairway',
    `${good}.bak`,
    `x${good}`,
    `${good} `,
    good.replace('443', '0443'),
    good.replace('443', '70000'),
    good.replace('443', '0'),
    good.replace('tcp', 'TCP'),
    good.replace('tcp', 'sctp'),
    good.replace('203.0.113.10', '203.0.113.010'),
    good.replace('203.0.113.10', '203.0.113'),
    good.replace('prod', 'Prod'),
    good.replace('prod', 'a.b'),
    'fairway.prod.public.udp.2001_DB8__1.53',
    'fairway.prod.public.udp.2001_db8_0_0_0_0_0_1.53',
    'fairway.prod.public.udp.__ffff_10.0.0.1.53',
  ]) {
    assert.equal(parseServerKey(key), undefined, key)
  }
  for (const id of [good, `${good}.`, `${good}.a b`, 7, undefined, null, {}]) {
    assert.equal(parseServerId(id), undefined)
  }
})

test('an owner that marks could not tell apart is refused at once', () => {
  checkOwner(OWNER)
  for (const owner of [
    { ...OWNER, cluster: 'a.b' },
    { ...OWNER, className: '' },
    { ...OWNER, uid: '' },
    { ...OWNER, uid: 'a.b' },
  ]) {
    assert.throws(() => checkOwner(owner), TypeError)
  }
})
