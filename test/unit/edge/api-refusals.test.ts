import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { FIRST, ifMatch, startApi } from './api-world.ts'
import { OTHER_UID, on, table, UID } from './builders.ts'
import { stopWorlds } from './edge-world.ts'

afterEach(stopWorlds)

const PATH = '/v1/tables/prod-a/public'
const WEB = table(['203.0.113.10:443'])

describe('bodies', () => {
  const body = JSON.stringify({ uid: UID, epoch: 1, table: WEB })

  test('may be gzipped, and so may answers', async () => {
    const { send } = await startApi()
    const zipped = new Uint8Array(gzipSync(body))
    const put = await send(`PUT ${PATH}`, { raw: zipped, headers: { ...FIRST, 'content-encoding': 'gzip' } })
    assert.equal(put.status, 200)
    const many = table(Array.from({ length: 50 }, (_, index) => `203.0.113.10:${1_000 + index}`))
    await send(`PUT ${PATH}`, { headers: ifMatch(1), body: { uid: UID, epoch: 1, table: many } })
    const plain = await send(`GET ${PATH}`, { headers: { 'accept-encoding': 'br, gzip;q=0' } })
    assert.equal(plain.headers.get('content-encoding'), null)
    const got = await send(`GET ${PATH}`, { headers: { 'accept-encoding': 'br, gzip' } })
    assert.equal(got.headers.get('content-encoding'), 'gzip')
    assert.equal(got.etag, '"2"')
  })

  const big = JSON.stringify({ uid: UID, epoch: 1, table: WEB, padding: ' '.repeat(200_000) })
  const cases: readonly (readonly [
    what: string,
    raw: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string>,
    code: string,
  ])[] = [
    ['no JSON', '{', {}, 'BodyInvalid'],
    ['no UTF-8', new Uint8Array([0x22, 0xff, 0x22]), {}, 'BodyInvalid'],
    ['no gzip', body, { 'content-encoding': 'gzip' }, 'BodyInvalid'],
    ['another encoding', body, { 'content-encoding': 'br' }, 'TypeUnsupported'],
    ['another type', body, { 'content-type': 'text/plain' }, 'TypeUnsupported'],
    ['too large', big, {}, 'BodyTooLarge'],
    ['too large when unpacked', new Uint8Array(gzipSync(big)), { 'content-encoding': 'gzip' }, 'BodyTooLarge'],
    ['larger than it says', big, { 'content-length': '10' }, 'BodyTooLarge'],
    ['deeply nested', '['.repeat(100_000), {}, 'BodyInvalid'],
    ['without a table', JSON.stringify({ uid: UID, epoch: 1 }), {}, 'BodyInvalid'],
    ['with a key too many', JSON.stringify({ uid: UID, epoch: 1, table: WEB, x: 1 }), {}, 'BodyInvalid'],
  ]
  for (const [what, raw, headers, code] of cases) {
    test(`${what}: ${code}`, async () => {
      const { send, referee } = await startApi()
      const answered = await send(`PUT ${PATH}`, { raw, headers: { ...FIRST, ...headers } })
      assert.equal(answered.json.code, code)
      assert.ok(answered.json.message !== '' && answered.json.remedy !== '')
      assert.equal(referee.tables.size, 0)
    })
  }

  test('say where they are wrong, and no more than that', async () => {
    const { send } = await startApi()
    const wrong = {
      frontends: [on('203.0.113.10:443', { port: 0, balance: 'best' as never }), { x: 'secret' }, {}, {}, {}],
      groups: [],
    }
    const { json } = await send(`PUT ${PATH}`, { headers: FIRST, body: { uid: UID, epoch: 1, table: wrong } })
    assert.match(json.message, /^table\.frontends\[0\]\.port: .*; table\.frontends\[0\]\.balance: .*/)
    assert.ok(json.message.length < 700 && !json.message.includes('secret'))
  })
})

describe('whoever is refused is told why', () => {
  const cases: readonly (readonly [
    request: string,
    sent: Parameters<Awaited<ReturnType<typeof startApi>>['send']>[1],
    status: number,
    code: string,
  ])[] = [
    ['GET /v1/info', { token: '' }, 401, 'Unauthorized'],
    ['GET /v1/info', { token: 'wrong' }, 401, 'Unauthorized'],
    ['GET /nothing', { token: '' }, 401, 'Unauthorized'],
    ['GET /v1/info', { token: '', headers: { authorization: 'Basic YTpi' } }, 401, 'Unauthorized'],
    ['GET /nothing', {}, 404, 'NotFound'],
    ['GET /healthz', {}, 404, 'NotFound'],
    ['POST /v1/tables/prod-a/public', {}, 405, 'MethodNotAllowed'],
    ['PUT /v1/info', {}, 405, 'MethodNotAllowed'],
    ['GET /v1/tables/prod-a/public', {}, 404, 'NotFound'],
    ['GET /v1/tables/prod-b/public', {}, 403, 'Forbidden'],
    ['GET /v1/tables/prod-c/public', {}, 403, 'Forbidden'],
    ['GET /v1/tables/prod-a/private', {}, 403, 'Forbidden'],
    ['GET /v1/tables/prod-a/public-2', {}, 403, 'Forbidden'],
    ['GET /v1/tables/prod-a/*', { token: 'a-all' }, 403, 'Forbidden'],
    ['GET /v1/tables/prod-a/..%2F..%2Fetc', { token: 'a-all' }, 403, 'Forbidden'],
    ['GET /v1/tables/prod-b/public/health', {}, 403, 'Forbidden'],
    [`PUT ${PATH}`, { body: { uid: UID, epoch: 1, table: WEB } }, 428, 'PreconditionMissing'],
    [`PUT ${PATH}`, { body: {}, headers: { 'if-match': '*' } }, 400, 'BodyInvalid'],
    [`PUT ${PATH}`, { body: {}, headers: { 'if-match': 'W/"1"' } }, 400, 'BodyInvalid'],
    [`PUT ${PATH}`, { body: {}, headers: { ...FIRST, ...ifMatch(1) } }, 400, 'BodyInvalid'],
    [`PUT ${PATH}`, { body: { uid: UID, epoch: 1, table: WEB }, headers: ifMatch(3) }, 412, 'RevisionConflict'],
    [`PATCH ${PATH}`, { body: { uid: UID, epoch: 1 }, headers: ifMatch(0) }, 404, 'NotFound'],
    [`DELETE ${PATH}?uid=${UID}`, { headers: ifMatch(1) }, 400, 'BodyInvalid'],
    [`DELETE ${PATH}?uid=${UID}&epoch=`, { headers: ifMatch(1) }, 400, 'BodyInvalid'],
  ]
  for (const [request, sent, status, code] of cases) {
    test(`${request} ${JSON.stringify(sent)}: ${status} ${code}`, async () => {
      const { send } = await startApi()
      const answered = await send(request, sent)
      assert.deepEqual([answered.status, answered.json.code], [status, code])
      assert.ok(answered.json.message !== '' && answered.json.remedy !== '')
    })
  }

  test('a lost race gives the generation to read', async () => {
    const { putTable } = await startApi()
    await putTable('a-public', PATH, WEB, FIRST)
    const late = await putTable('a-public', PATH, WEB, FIRST)
    assert.deepEqual([late.status, late.etag, late.json.generation], [412, '"1"', 1])
  })

  test('a copied configuration, and a former leader', async () => {
    const { send } = await startApi()
    const write = (uid: string, epoch: number, generation: number) =>
      send(`PUT ${PATH}`, { headers: ifMatch(generation), body: { uid, epoch, table: WEB } })
    await write(UID, 5, 0)
    const [copy, stale] = [await write(OTHER_UID, 5, 1), await write(UID, 4, 1)]
    assert.deepEqual([copy.status, copy.json.code], [409, 'OwnerConflict'])
    assert.deepEqual([stale.status, stale.json.code], [409, 'StaleWriter'])
  })

  test('more classes than a cluster may have', async () => {
    const { putTable } = await startApi()
    const statuses = []
    for (const name of ['a', 'b', 'c', 'd']) {
      statuses.push((await putTable('a-all', `/v1/tables/prod-a/${name}`, table([]), FIRST)).status)
    }
    assert.deepEqual(statuses, [200, 200, 200, 422])
  })

  test('a cluster with the name that calls have, which may be removed all the same', async () => {
    const { send } = await startApi({ parts: { identify: () => Promise.resolve('webhook/*') } })
    const path = '/v1/tables/webhook/default'
    const put = await send(`PUT ${path}`, { headers: FIRST, body: { uid: UID, epoch: 1, table: WEB } })
    assert.deepEqual([put.status, put.json.code], [403, 'Forbidden'])
    assert.match(put.json.message, /^a cluster cannot be named "webhook" on an edge/)
    const removed = await send(`DELETE ${path}?uid=${UID}&epoch=0`, { headers: ifMatch(1) })
    assert.notEqual(removed.status, 403)
  })

  test('every answer has an id for the log', async () => {
    const { send } = await startApi()
    const ids = [await send('GET /v1/info'), await send('GET /x', { token: '' })].map(({ headers }) =>
      headers.get('x-request-id'),
    )
    assert.ok(ids.every((id) => id !== null && id.length > 10))
  })
})
