/** An edge, and an operator at an edge, after the way back from a later release: what that has kept and said. */
import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { afterEach, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { createAddressKeeper } from '../../../src/edge/interface-addresses.ts'
import { seal, unseal } from '../../../src/edge/sealed.ts'
import { createStore } from '../../../src/edge/store.ts'
import { heardAnswerSchema } from '../../../src/model/edge-heard.ts'
import { infoSchema } from '../../../src/model/edge-wire.ts'
import type { FrontendKey, Table } from '../../../src/model/table.ts'
import { logInto, silentLog } from '../../support/operator-world.ts'
import { codes, pass, planFor, startRig } from '../drivers/edge-rig.ts'
import { startApi } from '../edge/api-world.ts'
import { createCrashDisk } from '../edge/crash-disk.ts'
import { stopWorlds } from '../edge/edge-world.ts'
import { DNS_KEY, NEXT, OWNER, readFixtureFolder, readFixtureJson, TABLE, WEB_KEY } from './fixtures.ts'

const PATH = '/v1/tables/prod-a/public'
const FILE = 'prod-a.public.table.json'
/** Of the frontend whose balance is not known here. */
const STRANGE_KEY = 'udp/[2001:db8::10]:5353'

const wire = (name: string) => readFixtureJson(`edge-wire/${name}.json`, NEXT)

describe('files of the version that is known, with more in them', () => {
  test('are read as far as they are known, and nothing is set aside', async () => {
    const before = await readFixtureFolder('edge-state', NEXT)
    const disk = createCrashDisk(before)
    const logged: string[] = []
    const { tables, order, lost } = await createStore(disk.files, logInto(logged)).load()
    assert.deepEqual([tables[0]?.table, tables[0]?.generation, order.length], [TABLE, 7, 4])
    assert.deepEqual([lost, logged, (await disk.files.names()).toSorted()], [new Map(), [], [...before.keys()]])
    const removed: string[] = []
    const device = {
      name: 'eth0',
      addresses: async () => ['10.1.0.100', '203.0.113.10', '2001:db8::10'],
      add: async () => undefined,
      remove: async (address: string) => void removed.push(address),
    }
    await (await createAddressKeeper(disk.files, device, logInto(logged))).trim(new Set())
    assert.deepEqual([removed.toSorted(), logged], [['2001:db8::10', '203.0.113.10'], []])
  })

  test('are set aside where they say something else in place of what is known', async () => {
    const disk = createCrashDisk(await readFixtureFolder('edge-state', NEXT))
    const unsealed = unseal((await disk.files.read(FILE)) ?? '')
    assert.ok(unsealed.kind === 'value')
    disk.put(FILE, seal(JSON.parse(JSON.stringify(unsealed.value).replace('"round-robin"', '"maglev"'))))
    const { tables, lost } = await createStore(disk.files, silentLog).load()
    assert.deepEqual([tables, [...lost.keys()]], [[], ['prod-a/public']])
  })
})

describe('what a later edge says', () => {
  test('it can do, is used as far as it is known', async () => {
    const then = infoSchema.parse(await readFixtureJson('edge-wire/info.json'))
    const { capabilities, listeners } = infoSchema.parse(await wire('info'))
    assert.deepEqual(capabilities, then.capabilities)
    // Whatever an unknown protocol is, it is in the way of both that are known.
    assert.deepEqual(
      listeners.map(({ protocol, holder }) => [protocol, holder]),
      [
        ['TCP', 'sshd'],
        [undefined, 'amf'],
      ],
    )
  })

  test('of a table: what is known, and where it says more', async () => {
    const { table, verdicts } = heardAnswerSchema.parse(await wire('table'))
    assert.deepEqual(table?.frontends, TABLE.frontends)
    assert.deepEqual(table?.groups, TABLE.groups)
    assert.deepEqual(table?.foreign, new Set([WEB_KEY, DNS_KEY, STRANGE_KEY]))
    assert.deepEqual(table?.foreignGroups, new Set(['pods']))
    assert.deepEqual(
      verdicts.map(({ state, problem }) => [state, problem?.code]),
      [
        ['refused', 'ProxyRejected'],
        ['refused', undefined],
      ],
    )
  })

  test('what is no frontend at all is no answer', async () => {
    const answer = await wire('table')
    for (const frontend of [{}, { address: 'nonsense', port: 1, protocol: 'TCP', hosts: [] }]) {
      const table = { frontends: [frontend], groups: [] }
      assert.equal(heardAnswerSchema.safeParse({ ...Object(answer), table }).success, false)
    }
  })
})

describe('a wish that an edge does not know is refused, and nothing happens', () => {
  afterEach(stopWorlds)

  test('PUT', async () => {
    const world = await startApi()
    const { status, json } = await world.send(`PUT ${PATH}`, {
      headers: { 'if-match': '"0"' },
      body: await wire('put'),
    })
    assert.deepEqual([status, json.code], [400, 'BodyInvalid'])
    assert.match(json.message, /table\.frontends\[0\].*"mirror"/)
    assert.equal((await world.send(`GET ${PATH}`)).status, 404)
  })
})

describe('an operator that has gone back to this release', () => {
  interface Patch {
    readonly frontends: { readonly set: readonly object[]; readonly remove: readonly FrontendKey[] }
    readonly groups: { readonly set: readonly { readonly id: string }[]; readonly remove: readonly string[] }
  }

  /** What it sends to an edge whose table is of a later release. */
  async function send(context: Parameters<typeof startRig>[0], wanted: Table, keep: readonly FrontendKey[] = []) {
    const rig = await startRig(context)
    const patches: Patch[] = []
    const wrote = { generation: 2, uid: OWNER.uid, epoch: 0, verdicts: [], notices: [] }
    rig.intercept = async (request: IncomingMessage, response: ServerResponse) => {
      const answers: Readonly<Record<string, unknown>> = {
        'GET /v1/info': await wire('info'),
        'GET /v1/tables/prod-a?except=public': { tables: [] },
        [`GET ${PATH}`]: await wire('table'),
        [`GET ${PATH}?known=1`]: { ...wrote, generation: 1 },
        [`GET ${PATH}?known=2`]: wrote,
        [`PATCH ${PATH}`]: wrote,
      }
      if (request.method === 'PATCH') patches.push(await bodyOf(request))
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(answers[`${request.method} ${request.url}`]))
    }
    const driver = rig.driver()
    const more = { keep: new Set(keep) }
    const { observed } = await planFor(driver, wanted, more)
    const applied = await pass(driver, wanted, more)
    const again = await planFor(driver, wanted, more)
    return { observed, applied, patches, again }
  }

  test('takes what it does not know for edited by hand, writes it anew as it knows it, once', async (context) => {
    const { observed, applied, patches, again } = await send(context, TABLE)
    assert.deepEqual(observed.drifted, new Set([WEB_KEY, DNS_KEY, STRANGE_KEY]))
    assert.deepEqual(codes(applied), [])
    assert.equal(patches.length, 1)
    const [patch] = patches
    assert.deepEqual([patch?.frontends.set.length, patch?.frontends.remove], [2, [STRANGE_KEY]])
    assert.deepEqual([patch?.groups.set.map(({ id }) => id), patch?.groups.remove], [['pods'], []])
    assert.deepEqual(again.changes, [])
  })

  test('leaves what is to be kept exactly as it is', async (context) => {
    const only = { ...TABLE, frontends: TABLE.frontends.slice(0, 1), groups: TABLE.groups.slice(0, 1) }
    const { patches, again } = await send(context, only, [DNS_KEY, STRANGE_KEY])
    const [patch] = patches
    assert.deepEqual([patch?.frontends.set.length, patch?.frontends.remove], [1, []])
    assert.deepEqual([patch?.groups.set, patch?.groups.remove], [[], []])
    assert.deepEqual(again.changes, [])
    assert.deepEqual(again.observed.drifted, new Set([DNS_KEY, STRANGE_KEY]))
  })
})

async function bodyOf<T>(request: IncomingMessage): Promise<T> {
  const bytes = await buffer(request)
  const plain = request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes
  return JSON.parse(plain.toString()) as T
}
