/** An edge and an operator of different releases: each hears what this release has said, and says what it has heard. */
import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { afterEach, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { deltaOf } from '../../../src/drivers/edge/delta.ts'
import type { Abilities, Capabilities } from '../../../src/model/driver.ts'
import {
  adoptSchema,
  errorSchema,
  healthAnswerSchema,
  infoSchema,
  patchSchema,
  putSchema,
  tableAnswerSchema,
  tablesAnswerSchema,
  writeAnswerSchema,
} from '../../../src/model/edge-wire.ts'
import { makeTable } from '../../../src/model/table.ts'
import { createMemoryEngine } from '../../support/memory-engine.ts'
import { planFor, signal, startRig } from '../drivers/edge-rig.ts'
import { type ApiWorld, startApi } from '../edge/api-world.ts'
import { createFakeMachine, stopWorlds } from '../edge/edge-world.ts'
import { DNS_KEY, NEXT_TABLE, OWNER, readFixtureJson, said, TABLE, V2, WEB_KEY } from './fixtures.ts'

const TABLE_PATH = '/v1/tables/prod-a/public'
const EPOCH = 176_722_561
const REBUILT_UID = '7c1d2e3f-5d2c-4a39-9a86-6c8d9b7e1f23'
const VERDICTS = [
  {
    key: DNS_KEY,
    state: 'refused',
    problem: {
      code: 'PortTaken',
      kind: 'transient',
      message: 'udp/[2001:db8::10]:53 is held by "dnsmasq" on the proxy',
      remedy: 'Stop it, or use another port or address',
    },
  },
]
const WROTE = { generation: 1, uid: OWNER.uid, epoch: EPOCH }

const TCP: Abilities = {
  proxyProtocol: ['off', 'v1', 'v2'],
  balance: ['round-robin', 'source'],
  healthCheck: ['tcp', 'http'],
  checkPort: true,
  checkThresholds: true,
  affinityTimeout: true,
  drain: true,
  sourceRanges: true,
  hosts: true,
  maxConnections: true,
  idleTimeout: true,
}
const UDP: Abilities = {
  ...TCP,
  proxyProtocol: ['off', 'v2'],
  healthCheck: [],
  checkPort: false,
  checkThresholds: false,
  affinityTimeout: false,
  hosts: false,
  maxConnections: false,
}
/** By which file says it. The older form has one word for both protocols. */
const FORMS: Readonly<Record<string, Capabilities>> = {
  info: { TCP, UDP },
  'info-without-pairs': {
    TCP: { ...TCP, affinityTimeout: false, maxConnections: false },
    UDP: { ...UDP, checkPort: true, checkThresholds: true },
  },
}

const wire = (name: string) => readFixtureJson(`edge-wire/${name}.json`)
const newer = (name: string) => readFixtureJson(`edge-wire/${name}.json`, V2)

function put(world: ApiWorld, body: unknown): ReturnType<ApiWorld['send']> {
  return world.send(`PUT ${TABLE_PATH}`, { headers: { 'if-match': '"0"' }, body })
}

describe('what was said is understood', () => {
  test('PUT', async () => {
    assert.deepEqual(putSchema.parse(await wire('put')), { uid: OWNER.uid, epoch: EPOCH, table: TABLE })
  })

  test('PATCH', async () => {
    const patch = patchSchema.parse(await wire('patch'))
    assert.deepEqual(patch, { uid: OWNER.uid, epoch: EPOCH, ...deltaOf(TABLE, NEXT_TABLE) })
    assert.deepEqual(patch.frontends.remove, [DNS_KEY])
    assert.deepEqual(patch.groups.remove, ['pods'])
  })

  test('PATCH of the owner', async () => {
    const adoption = { uid: REBUILT_UID, epoch: 0, adopts: OWNER.uid }
    assert.deepEqual(adoptSchema.parse(await newer('adopt')), adoption)
  })

  test('GET of a table, and of one that is known', async () => {
    const answer = { ...WROTE, verdicts: VERDICTS, notices: [] }
    const { table, ...rest } = tableAnswerSchema.parse(await wire('table'))
    assert.deepEqual(rest, answer)
    assert.deepEqual(makeTable(table?.frontends ?? [], table?.groups ?? []), TABLE)
    assert.deepEqual(tableAnswerSchema.parse(await wire('table-known')), answer)
  })

  test('a table that is in trouble, with a notice and a code that nobody here knows', async () => {
    const { trouble, notices, verdicts } = tableAnswerSchema.parse(await wire('table-in-trouble'))
    assert.equal(trouble?.code, 'ProxyUnreachable')
    assert.deepEqual(
      notices.map(({ key, problem }) => [key, problem.code]),
      [[WEB_KEY, 'HostTaken']],
    )
    assert.deepEqual(
      verdicts.map(({ key, problem }) => [key, problem?.code]),
      [[DNS_KEY, 'ProxyRejected']],
    )
  })

  test('answers to writes, the list of tables, health and errors', async () => {
    assert.deepEqual(writeAnswerSchema.parse(await wire('write')), { ...WROTE, verdicts: VERDICTS, notices: [] })
    const { tables } = tablesAnswerSchema.parse(await wire('tables'))
    assert.deepEqual(tables, [{ class: 'public', ...WROTE, keys: [WEB_KEY, DNS_KEY] }])
    const dated = tables.map((one) => ({ ...one, writtenAt: '2026-08-01T00:00:00.000Z' }))
    assert.deepEqual(tablesAnswerSchema.parse(await newer('tables')).tables, dated)
    const { targets } = healthAnswerSchema.parse(await wire('health'))
    const states = ['up', 'down', 'draining', 'unchecked'].map((state, index) => {
      return { key: WEB_KEY, address: `10.0.0.${index + 1}`, port: 30_443, state }
    })
    assert.deepEqual(targets, states)
    assert.deepEqual(errorSchema.parse(await wire('conflict')), {
      code: 'RevisionConflict',
      message: 'the table prod-a/public is at generation 1, not at 6',
      remedy: 'Read it, and write again',
      generation: 1,
    })
  })

  const listener = { address: '10.1.0.100', firstPort: 22, lastPort: 22, holder: 'sshd' }
  for (const [form, capabilities] of Object.entries(FORMS)) {
    test(`what a proxy can do: ${form}`, async () => {
      assert.deepEqual(infoSchema.parse(await wire(form)), {
        version: '0.1.0',
        engine: { name: 'memory', version: '1.0' },
        capabilities,
        addresses: ['203.0.113.0/24'],
        listeners: [{ protocol: 'TCP', ...listener }],
      })
    })
  }
})

async function start(): Promise<ApiWorld> {
  const machine = createFakeMachine()
  machine.taken.set('tcp/10.1.0.100:22', 'sshd')
  machine.errors.set('udp/2001:db8::10:53', 'EADDRINUSE')
  return startApi({ machine, memory: createMemoryEngine({ TCP, UDP }) })
}

describe('an edge of today answers operators of then', () => {
  afterEach(stopWorlds)

  test('PUT, GET and PATCH', async () => {
    const world = await start()
    const wrote = await put(world, await wire('put'))
    assert.deepEqual([wrote.status, wrote.etag], [200, '"1"'])
    assert.deepEqual(Object.keys(wrote.json).toSorted(), Object.keys(Object(await wire('write'))).toSorted())
    assert.deepEqual((await world.send(`GET ${TABLE_PATH}`)).json.table, Object(await wire('table')).table)
    assert.equal('table' in (await world.send(`GET ${TABLE_PATH}?known=1`)).json, false)
    assert.deepEqual((await world.send('GET /v1/tables/prod-a')).json, await newer('tables'))
    const late = await world.send(`PATCH ${TABLE_PATH}`, { headers: { 'if-match': '"6"' }, body: await wire('patch') })
    assert.deepEqual([late.status, late.json], [412, await wire('conflict')])
    const next = await world.send(`PATCH ${TABLE_PATH}`, { headers: { 'if-match': '"1"' }, body: await wire('patch') })
    assert.equal(next.status, 200)
    const { frontends, groups } = (await world.send(`GET ${TABLE_PATH}`)).json.table
    assert.deepEqual({ frontends, groups }, said(NEXT_TABLE))
    const gone = await world.send(`DELETE ${TABLE_PATH}?uid=${OWNER.uid}&epoch=${EPOCH}`, {
      headers: { 'if-match': '"2"' },
    })
    assert.deepEqual([gone.status, gone.json], [200, {}])
  })

  test('info', async () => {
    const world = await start()
    assert.deepEqual((await world.send('GET /v1/info')).json, await wire('info'))
  })
})

interface Heard {
  readonly what: string
  readonly match: string | undefined
  readonly body: unknown
}

async function hear(request: IncomingMessage): Promise<Heard> {
  const bytes = await buffer(request)
  const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes
  const body: unknown = plain.length === 0 ? undefined : JSON.parse(plain.toString())
  return { what: `${request.method} ${request.url}`, match: request.headers['if-match'], body }
}

test('a command of today adopts a table', async (context) => {
  const rig = await startRig(context)
  const heard: Heard[] = []
  const written = { ...Object(await wire('write')), uid: REBUILT_UID, epoch: 0, generation: 2 }
  rig.intercept = async (request: IncomingMessage, response: ServerResponse) => {
    const one = await hear(request)
    if (one.body !== undefined) heard.push(one)
    const value = request.method === 'GET' ? await wire('tables') : written
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  }
  const driver = rig.driver({ owner: { ...OWNER, uid: REBUILT_UID }, epoch: 0 })
  await driver.adopt?.(OWNER.uid, signal)
  assert.deepEqual(heard, [{ what: `PATCH ${TABLE_PATH}`, match: '"1"', body: await newer('adopt') }])
})

describe('an operator of today talks to an edge of then', () => {
  for (const [info, capabilities] of Object.entries(FORMS)) {
    test(`PUT, then PATCH, by ${info}`, async (context) => {
      const rig = await startRig(context)
      const heard: Heard[] = []
      const answers: Readonly<Record<string, readonly [number, unknown]>> = {
        'GET /v1/info': [200, await wire(info)],
        'GET /v1/tables/prod-a': [200, { tables: [] }],
        [`GET ${TABLE_PATH}`]: [404, await wire('not-found')],
        [`PUT ${TABLE_PATH}`]: [200, await wire('write')],
        [`GET ${TABLE_PATH}?known=1`]: [200, await wire('table-known')],
        [`GET ${TABLE_PATH}?known=0`]: [404, await wire('not-found')],
        [`PATCH ${TABLE_PATH}`]: [200, { ...Object(await wire('write')), generation: 2, verdicts: [] }],
      }
      rig.intercept = async (request: IncomingMessage, response: ServerResponse) => {
        const one = await hear(request)
        if (one.body !== undefined) heard.push(one)
        const [status, value] = answers[one.what] ?? [500, {}]
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
      }
      const driver = rig.driver({ epoch: EPOCH })
      const first = await driver.apply(await planFor(driver, TABLE), signal)
      assert.deepEqual(
        first.refused.map(({ key, problem }) => [key, problem.code]),
        [[DNS_KEY, 'PortTaken']],
      )
      const plan = await planFor(driver, NEXT_TABLE)
      assert.deepEqual(plan.observed.capabilities, capabilities)
      assert.deepEqual((await driver.apply(plan, signal)).refused, [])
      assert.deepEqual(heard, [
        { what: `PUT ${TABLE_PATH}`, match: '"0"', body: await wire('put') },
        { what: `PATCH ${TABLE_PATH}`, match: '"1"', body: await wire('patch') },
      ])
    })
  }
})
