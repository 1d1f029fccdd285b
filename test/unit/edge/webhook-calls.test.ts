import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import * as fc from 'fast-check'
import { openTokenFile } from '../../../src/edge/webhook/token-file.ts'
import { canonicalAddress } from '../../../src/model/address.ts'
import { FairwayError } from '../../../src/model/problems.ts'
import { runs } from '../../support/builders.ts'
import { stopWorlds } from './edge-world.ts'
import { bodyOf, requestOf, startCalls, TOKEN } from './webhook-world.ts'

afterEach(stopWorlds)

const GOOD = 'add 8080 10.0.0.11:30808'

/** One field of a good call each. */
const REFUSED: readonly (readonly [what: string, fields: object, status: number, text: RegExp])[] = [
  ['no action', { action: undefined }, 400, /^action: must be add or delete\. /],
  ['another action', { action: 'flush' }, 400, /^action: must be add or delete\. /],
  ['a port that is none', { 'frontend-port': '70000' }, 400, /^frontend-port: must be a port\. /],
  ['an octal port', { 'frontend-port': '08080' }, 400, /^frontend-port: must be a port\. /],
  ['a node port that is none', { 'backend-port': '80;' }, 400, /^backend-port: must be a port\. /],
  ['no node port', { 'backend-port': undefined }, 400, /^backend-port: must be text\. /],
  ['a port that is not to be had', { 'frontend-port': '22' }, 403, /^port 22 may not be asked for by calls\. /],
  ['a name with a space', { name: 'web server' }, 400, /^name: must be letters, digits, dots and dashes\. /],
  ['a page in place of an address', { 'dst-ip': '<html>' }, 400, /^dst-ip: must be an IPv4 or IPv6 address\. /],
  ['no address, as ifconfig.co was away', { 'dst-ip': '' }, 400, /^dst-ip: must be an IPv4 or IPv6 address\. /],
  ['an address of somewhere else', { 'dst-ip': '192.0.2.1' }, 403, /^dst-ip 192\.0\.2\.1 is nowhere that calls/],
  ['the proxy itself', { 'dst-ip': '127.0.0.1' }, 403, /^dst-ip 127\.0\.0\.1 is nowhere that calls/],
  ['an unknown header', { 'send-proxy': 'v3' }, 400, /^send-proxy: must be true, false, v1 or v2\. /],
]
for (const [what, fields, status, text] of REFUSED) {
  test(`${what} is refused, and says so`, async () => {
    const world = await startCalls()
    const answer = await world.call(GOOD, fields)
    assert.match(answer.text, text)
    assert.equal(answer.status, status)
    assert.deepEqual(world.opened(), [])
  })
}

test('a goodbye without a sound address takes nothing', async () => {
  const world = await startCalls()
  await world.call(GOOD)
  for (const address of ['', '<html>', null]) {
    assert.equal((await world.call('delete 8080 10.0.0.11:30808', { 'dst-ip': address })).status, 400)
  }
  assert.equal(world.opened().length, 1)
})

test('whoever has no token gets the words of adnanh/webhook', async () => {
  const world = await startCalls()
  const text = 'Hook rules were not satisfied.'
  assert.deepEqual(await world.call(GOOD, {}, 'wrong'), { status: 401, text })
  assert.deepEqual(await world.send(requestOf(bodyOf(GOOD))), { status: 401, text })
  // As a browser looks whether it is there.
  const url = 'http://vm:9000/hooks/update-haproxy'
  assert.deepEqual(await world.send(new Request(url)), { status: 200, text })
  assert.deepEqual(await world.send(new Request('http://vm:9000/hooks/other')), {
    status: 404,
    text: 'Hook not found.',
  })
  assert.deepEqual(world.opened(), [])
})

test('a body that is none is refused', async () => {
  const world = await startCalls()
  const send = async (body: string, type = 'application/json') => {
    const headers = { 'X-Funkypenguin-Token': TOKEN, 'content-type': type }
    const request = new Request('http://vm:9000/hooks/update-haproxy', { method: 'POST', headers, body })
    return world.send(request)
  }
  assert.equal((await send('{')).status, 400)
  assert.equal((await send('[]')).status, 400)
  assert.equal((await send('{}', 'text/plain')).status, 415)
  const large = await send(`{"name":"${'x'.repeat(10_000)}"}`)
  assert.equal(large.status, 413)
  assert.equal(large.text, 'the body is larger than 8192 bytes. Send what the port needs alone, which is far less.')
})

test('numbers, truth and further keys are as good as in their script', async () => {
  const world = await startCalls()
  const answer = await world.call(GOOD, {
    'frontend-port': 8080,
    'backend-port': 30_808,
    'send-proxy': true,
    more: ['x'],
  })
  assert.equal(answer.status, 200)
})

test('whatever is sent, only words and addresses get into the table and the answer', async () => {
  const world = await startCalls()
  const nasty = fc.oneof(
    fc.constantFrom(
      '\nglobal',
      '$(id)',
      '`id`',
      '10.0.0.11 ',
      '10.0.0.11;',
      '::1',
      '{env.HOME}',
      '8080',
      'add',
      '\r\n',
    ),
    fc.constantFrom('10.0.0.7', 'delete', 'true', '', '__proto__'),
    fc.jsonValue(),
    fc.string({ unit: 'binary' }),
  )
  const keys = ['name', 'frontend-port', 'backend-port', 'dst-ip', 'action', 'send-proxy']
  const bodies = fc.oneof(
    nasty,
    fc.tuple(fc.dictionary(fc.constantFrom(...keys), nasty), fc.boolean()).map(([some, whole]) => {
      return whole ? { ...bodyOf(GOOD), ...some } : some
    }),
  )
  await fc.assert(
    fc.asyncProperty(bodies, async (body) => {
      const { status, text } = await world.send(requestOf(body, TOKEN))
      assert.ok([200, 400, 403].includes(status), `${status} ${text}`)
      assert.match(text, /^[\x20-\x7e\n]*$/)
      for (const line of world.opened()) assert.match(line, /^[0-9.:]+ -> ([A-Za-z0-9._-]* 10\.0\.0\.\d+:\d+(, )?)+$/)
      for (const { address } of world.frontends()) assert.equal(canonicalAddress(address), address)
    }),
    runs(300),
  )
})

test('each line of the file is a token, and a change counts at once', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'fairway-token-'))
  try {
    const path = join(dir, 'token')
    await assert.rejects(openTokenFile(path), (error) => error instanceof FairwayError)
    await writeFile(path, '\n')
    await assert.rejects(openTokenFile(path), /holds no token/)
    await writeFile(path, 'old\nnew\n')
    const tokens = await openTokenFile(path)
    const known = await Promise.all(['old', 'new', '', 'old\nnew', 'ol'].map((one) => tokens.knows(one)))
    assert.deepEqual(known, [true, true, false, false, false])
    await writeFile(path, 'new')
    assert.equal(await tokens.knows('old'), false)
  } finally {
    await rm(dir, { recursive: true })
  }
})
