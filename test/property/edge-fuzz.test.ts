import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import * as fc from 'fast-check'
import { canonicalAddress, canonicalCidr } from '../../src/model/address.ts'
import { isHostName } from '../../src/model/hosts.ts'
import { runs } from '../support/builders.ts'
import { type Answered, type ApiWorld, FIRST, ifMatch, startApi } from '../unit/edge/api-world.ts'
import { on, table, UID } from '../unit/edge/builders.ts'
import { stopWorlds } from '../unit/edge/edge-world.ts'

after(stopWorlds)

const PATH = '/v1/tables/prod-a/public'
/** What must never be seen by another owner. */
const SECRETS = ['hush-hush', '10.99.99.99', '4444', 'prod-b.public']

const nasty = fc.constantFrom<unknown>(
  '',
  ' ',
  '\n  bind *:1\n',
  'a.example\r\nglobal',
  '"; }',
  "' or 1",
  '{env.HOME}',
  '${HOME}',
  '%[src]',
  '#',
  '../../etc/passwd',
  '\u0000',
  '\ud800',
  'ｅｘａｍｐｌｅ',
  'x'.repeat(5_000),
  '*',
  '*.',
  '0.0.0.0',
  '::',
  '127.0.0.1',
  '127.1',
  '::ffff:203.0.113.10',
  'fe80::1%eth0',
  '203.0.113.10 ',
  '0203.0.113.10',
  '203.0.113.0/24',
  '203.0.113.1/24',
  '__proto__',
  'constructor',
  'prod-b/public',
  'TCP',
  'UDP',
  'off',
  -1,
  0,
  0.5,
  65_536,
  1e308,
  Number.MAX_SAFE_INTEGER,
  true,
  null,
  [],
  {},
  [[]],
  { __proto__: null, length: 3 },
)

type Json = unknown
type Place = readonly (string | number)[]

/** Every place in a value, as the keys that lead there. */
function placesOf(value: Json, path: Place = []): readonly Place[] {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : []
  return [path, ...entries.flatMap(([key, one]) => placesOf(one, [...path, key]))]
}

interface Edit {
  readonly at: number
  readonly how: 'replace' | 'remove' | 'add' | 'repeat'
  readonly value: Json
}

/** A value with something wrong at one of its places. */
function edit(value: Json, { at, how, value: wrong }: Edit): Json {
  const places = placesOf(value)
  const path = ['root', ...(places[at % places.length] ?? [])]
  const root = { root: structuredClone(value) }
  const last = path.pop() ?? 'root'
  const holder = path.reduce<Record<string, Json>>((one, key) => one[key] as Record<string, Json>, root)
  const current = holder[last]
  if (how === 'remove') delete holder[last]
  else if (how === 'repeat' && Array.isArray(current)) current.push(...current)
  else if (how === 'add' && Array.isArray(current)) current.push(wrong)
  else if (how === 'add' && typeof current === 'object' && current !== null) {
    Object.assign(current, { [typeof wrong === 'string' ? wrong : 'x']: wrong })
  } else holder[last] = wrong
  return root.root
}

const edits = fc.array(
  fc.record({ at: fc.nat(200), how: fc.constantFrom('replace', 'replace', 'remove', 'add', 'repeat'), value: nasty }),
  { maxLength: 3 },
)

const VALID_TABLE = table([
  on('203.0.113.10:443#*.b.example,a.example', {
    healthCheck: { kind: 'http', port: 10_256, intervalMs: 5_000, timeoutMs: 2_000, rise: 2, fall: 3, derived: true },
    sourceRanges: ['198.51.100.0/24', '2001:db8::/32'],
    service: { namespace: 'team-a', name: 'web', uid: UID },
  }),
  on('203.0.113.10:80', { affinityMs: 10_000, balance: 'source' }),
  on('udp/203.0.113.11:53', { group: 'dns' }),
])

const put = { uid: UID, epoch: 1, table: VALID_TABLE }
const patch = {
  uid: UID,
  epoch: 1,
  frontends: { set: [on('203.0.113.10:25')], remove: ['udp/203.0.113.11:53'] },
  groups: {
    set: [{ id: 'more', targets: [{ name: 'n9', address: '10.0.0.9', port: 80 }] }],
    change: [{ id: 'nodes', add: [{ name: 'n3', address: '10.0.0.3' }], remove: [{ address: '10.0.0.1' }] }],
    remove: ['dns'],
  },
}

const header = fc.constantFrom<Readonly<Record<string, string>>>(
  {},
  FIRST,
  { 'if-match': '"12345"' },
  { 'if-match': '*' },
  { 'if-match': 'W/"1"' },
  { 'if-match': '"1", "2"' },
  { 'if-match': '"99999999999999999999"' },
  { 'if-match': '"-1"' },
  { 'if-none-match': '"1"' },
  { 'content-type': 'text/html' },
  { 'content-encoding': 'gzip' },
  { 'content-encoding': 'zip, bomb' },
  { 'content-length': '99999999999' },
  { authorization: 'Bearer ' },
  { authorization: 'Bearer b-public, a-public' },
  { authorization: 'Basic YTpi' },
)

const path = fc.oneof(
  fc.constantFrom(
    '/v1/tables/prod-b/public',
    '/v1/tables/prod-a%2Fpublic',
    '/v1/tables/prod-a/public%2F..%2F..%2Fprod-b%2Fpublic',
    '/v1/tables/prod-a/../prod-b/public',
    '/v1/tables/prod-a/public%00',
    '/v1/tables/%E0%A4%A',
    '/v1/tables/PROD-B/PUBLIC',
    '/v1/tables/*/*',
    '/v1/tables/prod-a/public/health',
    '/v1/tables//',
    '//v1/tables/prod-b/public',
    '/v1/info?x=1',
    `${PATH}?uid=&epoch=x`,
    '/metrics',
  ),
  fc.webPath(),
)
const method = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('PUT', 'PUT', 'PATCH') },
  { weight: 1, arbitrary: fc.constantFrom('DELETE', 'GET', 'POST', 'OPTIONS', 'TRACE2') },
)
/** Most requests are in order but for their bodies, so that these are read. */
const rarely = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })

async function victim(): Promise<ApiWorld> {
  const world = await startApi()
  const service = { namespace: 'team-b', name: 'hush-hush', uid: UID }
  const secret = table([on('203.0.113.99:4444', { service })], [{ name: 'n', address: '10.99.99.99' }])
  assert.equal((await world.putTable('b-public', '/v1/tables/prod-b/public', secret, FIRST)).status, 200)
  assert.equal((await world.putTable('a-public', PATH, VALID_TABLE, FIRST)).status, 200)
  return world
}

function checkAnswer({ status, json, text }: Answered): void {
  assert.ok(status >= 200 && status < 500, `${status} ${text}`)
  for (const secret of SECRETS) assert.ok(!text.includes(secret), `${secret} is in ${text}`)
  if (status < 400) return
  assert.deepEqual(
    Object.keys(json).filter((key) => key !== 'generation'),
    ['code', 'message', 'remedy'],
  )
  assert.ok(json.message.length > 5 && json.message.length < 2_000 && json.remedy.length > 5)
  assert.ok(!/\.ts:\d|node:|node_modules/.test(text), text)
}

/** Nothing reaches the program but words of the alphabets that it knows. */
function checkWords({ memory }: ApiWorld): void {
  for (const { frontend, bindAddress } of memory.state.frontends) {
    assert.ok(canonicalAddress(bindAddress) === bindAddress)
    assert.ok(frontend.hosts.every(isHostName))
    assert.ok(frontend.sourceRanges.every((range) => canonicalCidr(range) === range))
    assert.match(frontend.group, /^[a-z0-9._-]+$/)
  }
  for (const { targets } of memory.state.groups.values()) {
    for (const { name, address } of targets) {
      assert.ok(canonicalAddress(address) === address)
      assert.match(name, /^[A-Za-z0-9._:/-]*$/)
    }
  }
}

test('whatever an owner sends: a clear answer, nothing of another owner in it, and nothing changed by what is refused', async () => {
  const world = await victim()
  const others = world.referee.look('prod-b/public')?.stored
  const seen = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(
      method,
      rarely(path),
      rarely(header),
      edits,
      rarely(fc.string()),
      async (verb, place, headers, changes, raw) => {
        const before = world.referee.look('prod-a/public')?.stored
        // Who has written with an epoch or a UID of the fuzz goes on with it.
        const { uid = UID, epoch = 1 } = before ?? {}
        const sound = { ...(verb === 'PATCH' ? patch : put), uid, epoch }
        const body = changes.reduce<Json>((value, change) => edit(value, change), sound)
        const usual = verb === 'DELETE' ? `${PATH}?uid=${uid}&epoch=${epoch}` : PATH
        const hasBody = !['GET', 'DELETE'].includes(verb)
        const answered = await world.send(`${verb} ${place ?? usual}`, {
          headers: { ...ifMatch(before?.generation ?? 0), ...headers },
          ...(hasBody ? { raw: raw ?? JSON.stringify(body) ?? 'undefined' } : {}),
        })
        const kind = `${verb} ${answered.status}`
        seen.set(kind, (seen.get(kind) ?? 0) + 1)
        checkAnswer(answered)
        checkWords(world)
        assert.equal(world.referee.look('prod-b/public')?.stored, others)
        if (answered.status >= 400) assert.equal(world.referee.look('prod-a/public')?.stored, before)
      },
    ),
    runs(10_000),
  )
  // The fuzz is none if everything is refused at the door.
  for (const kind of ['PUT 200', 'PUT 400', 'PUT 403', 'PUT 412', 'PATCH 200', 'PATCH 400', 'DELETE 200', 'GET 200']) {
    assert.ok((seen.get(kind) ?? 0) > 0, `no ${kind}: ${JSON.stringify([...seen])}`)
  }
})
