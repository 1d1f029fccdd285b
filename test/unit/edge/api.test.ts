import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { infoSchema, tableAnswerSchema, tablesAnswerSchema, writeAnswerSchema } from '../../../src/model/edge-wire.ts'
import { frontend } from '../../support/builders.ts'
import { FIRST, ifMatch, startApi } from './api-world.ts'
import { on, table, UID } from './builders.ts'
import { stopWorlds } from './edge-world.ts'

afterEach(stopWorlds)

const PATH = '/v1/tables/prod-a/public'
const WEB = table(['203.0.113.10:443'])

describe('a table', () => {
  test('comes back as it was sent, with its generation', async () => {
    const { send, putTable } = await startApi()
    const rich = table([
      on('203.0.113.10:443#a.example,b.example', {
        healthCheck: {
          kind: 'http',
          port: 10_256,
          intervalMs: 5_000,
          timeoutMs: 2_000,
          rise: 2,
          fall: 3,
          derived: true,
        },
        affinityMs: 10_800_000,
        idleTimeoutMs: 60_000,
        maxConnections: 100,
        sourceRanges: ['198.51.100.0/24', '2001:db8::/32'],
        service: { namespace: 'team-a', name: 'web', uid: UID },
        proxyProtocol: 'v2',
        balance: 'source',
      }),
      frontend({ address: '203.0.113.10', port: 80 }),
    ])
    const put = await putTable('a-public', PATH, rich, FIRST)
    assert.deepEqual([put.status, put.etag], [200, '"1"'])
    assert.deepEqual(writeAnswerSchema.parse(put.json), {
      generation: 1,
      uid: UID,
      epoch: 1,
      verdicts: [],
      notices: [],
    })
    const got = await send(`GET ${PATH}`)
    assert.equal(got.etag, '"1"')
    assert.deepEqual(tableAnswerSchema.parse(got.json).table, rich)
  })

  test('whose generation is known need not be sent again', async () => {
    const { send, putTable } = await startApi()
    await putTable('a-public', PATH, WEB, FIRST)
    assert.equal('table' in (await send(`GET ${PATH}?known=1`)).json, false)
    assert.equal('table' in (await send(`GET ${PATH}?known=2`)).json, true)
  })

  test('changes by what is changed', async () => {
    const { send, putTable } = await startApi()
    await putTable('a-public', PATH, table(['203.0.113.10:443', '203.0.113.10:80']), FIRST)
    const patched = await send(`PATCH ${PATH}`, {
      headers: ifMatch(1),
      body: {
        uid: UID,
        epoch: 2,
        frontends: { set: [on('203.0.113.10:25')], remove: ['tcp/203.0.113.10:80'] },
        groups: {
          change: [{ id: 'nodes', add: [{ name: 'n3', address: '10.0.0.3' }], remove: [{ address: '10.0.0.1' }] }],
        },
      },
    })
    assert.deepEqual([patched.status, patched.etag], [200, '"2"'])
    const got = tableAnswerSchema.parse((await send(`GET ${PATH}`)).json)
    const targets = [
      { name: 'n2', address: '10.0.0.2' },
      { name: 'n3', address: '10.0.0.3' },
    ]
    assert.deepEqual(got.table, table(['203.0.113.10:443', '203.0.113.10:25'], targets))
    assert.equal(got.epoch, 2)
  })

  test('goes when it is deleted', async () => {
    const { send, putTable, served } = await startApi()
    await putTable('a-public', PATH, WEB, FIRST)
    const gone = await send(`DELETE ${PATH}?uid=${UID}&epoch=1`, { headers: ifMatch(1) })
    assert.deepEqual([gone.status, gone.json], [200, {}])
    assert.equal((await send(`GET ${PATH}`)).status, 404)
    assert.deepEqual(served(), [])
  })

  test('is listed with its siblings to whoever may write for the cluster', async () => {
    const { send, putTable } = await startApi()
    await putTable('a-public', PATH, WEB, FIRST)
    await putTable('a-all', '/v1/tables/prod-a/private', table(['203.0.113.11:80']), FIRST)
    await putTable('b-public', '/v1/tables/prod-b/public', table(['203.0.113.12:80']), FIRST)
    const list = async (token: string) =>
      tablesAnswerSchema.parse((await send('GET /v1/tables/prod-a', { token })).json).tables
    assert.deepEqual(
      (await list('a-all')).map((one) => [one.class, one.keys]),
      [
        ['private', ['tcp/203.0.113.11:80']],
        ['public', ['tcp/203.0.113.10:443']],
      ],
    )
    assert.deepEqual(
      (await list('a-public')).map((one) => one.class),
      ['public'],
    )
    const others = (await send('GET /v1/tables/prod-a?except=public', { token: 'a-all' })).json
    assert.deepEqual(
      tablesAnswerSchema.parse(others).tables.map((one) => one.class),
      ['private'],
    )
    assert.equal((await send('GET /v1/tables/prod-a', { token: 'b-public' })).status, 403)
  })

  test('tells how its targets are, and not those of others', async () => {
    const { send, putTable } = await startApi()
    await putTable('a-public', PATH, WEB, FIRST)
    await putTable('b-public', '/v1/tables/prod-b/public', table(['203.0.113.12:80']), FIRST)
    const { json } = await send(`GET ${PATH}/health`)
    const target = { key: 'tcp/203.0.113.10:443', port: 30_443, state: 'up' }
    assert.deepEqual(json.targets, [
      { ...target, address: '10.0.0.1' },
      { ...target, address: '10.0.0.2' },
    ])
  })

  test('with what is refused and noticed', async () => {
    const { send, putTable } = await startApi()
    await putTable('a-public', PATH, WEB, FIRST)
    const other = await putTable(
      'b-public',
      '/v1/tables/prod-b/public',
      table(['203.0.113.10:443', '203.0.113.10:22']),
      FIRST,
    )
    const codes = writeAnswerSchema
      .parse(other.json)
      .verdicts.map(({ key, state, problem }) => [key, state, problem?.code])
    assert.deepEqual(codes, [
      ['tcp/203.0.113.10:22', 'refused', 'PortDenied'],
      ['tcp/203.0.113.10:443', 'refused', 'PortTaken'],
    ])
    const { notices } = tableAnswerSchema.parse((await send(`GET ${PATH}`)).json)
    assert.deepEqual(
      notices.map(({ key, problem }) => [key, problem.code]),
      [['tcp/203.0.113.10:443', 'PortTaken']],
    )
  })
})

describe('the edge tells', () => {
  test('what it is, what it can do, and who else listens, but for tables of clusters', async () => {
    const { send, putTable, machine } = await startApi()
    await putTable('b-public', '/v1/tables/prod-b/public', table(['203.0.113.12:80']), FIRST)
    machine.taken.set('tcp/0.0.0.0:22', 'sshd').set('tcp/203.0.113.12:80', 'memory').set('udp/0.0.0.0:53', '')
    const info = infoSchema.parse((await send('GET /v1/info')).json)
    assert.deepEqual([info.version, info.engine], ['0.1.0', { name: 'memory', version: '1.0' }])
    assert.deepEqual(info.addresses, ['203.0.113.0/24'])
    assert.ok(info.capabilities.TCP?.hosts)
    assert.deepEqual(
      info.listeners.map(({ protocol, address, firstPort, holder }) => `${protocol} ${address} ${firstPort} ${holder}`),
      ['TCP 0.0.0.0 22 sshd', 'UDP 0.0.0.0 53 a process of user ID 33'],
    )
  })
})
