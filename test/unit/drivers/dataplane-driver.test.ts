import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { DataplaneOptions } from '../../../src/drivers/dataplane/options.ts'
import { createDataplaneDriver } from '../../../src/drivers/dataplane.ts'
import type { Applied, Driver } from '../../../src/model/driver.ts'
import { FairwayError, type ProblemCode } from '../../../src/model/problems.ts'
import { type Frontend, makeTable } from '../../../src/model/table.ts'
import { diffTables } from '../../../src/plan/diff.ts'
import { frontend } from '../../support/builders.ts'
import { type FakeDataplane, startFakeDataplane } from './fake-dataplane.ts'
import { OWNER } from './tables.ts'

const signal = AbortSignal.timeout(30_000)
const WEB = frontend()
const MAIL = frontend({ port: 25, targetPort: 30_025 })

interface Rig {
  readonly fake: FakeDataplane
  readonly driver: (overrides?: Partial<DataplaneOptions>) => Driver
  readonly write: (file: string, text: string) => Promise<string>
}

async function createRig(context: TestContext): Promise<Rig> {
  const dir = await mkdtemp(join(tmpdir(), 'fairway-'))
  const fake = await startFakeDataplane()
  context.after(async () => {
    await fake.close()
    await rm(dir, { recursive: true })
  })
  const log = { debug: () => {}, info: () => {}, warn: () => {} }
  const options = {
    proxy: 'edge-1',
    url: fake.url,
    tls: {},
    userFile: undefined,
    owner: OWNER,
    listen: {},
    log,
    declares: () => true,
    probe: false,
    timeoutMs: 2_000,
    reloadTimeoutMs: 500,
  }
  return {
    fake,
    driver(overrides = {}) {
      const created = createDataplaneDriver({ ...options, ...overrides })
      context.after(() => created.close())
      return created
    },
    async write(file, text) {
      await writeFile(join(dir, file), text)
      return join(dir, file)
    },
  }
}

async function pass(driver: Driver, ...frontends: readonly Frontend[]): Promise<Applied> {
  const table = makeTable(frontends, [{ id: 'nodes', targets: [{ name: 'n1', address: '10.0.0.1' }] }])
  return driver.apply(diffTables(await driver.read(signal), table), signal)
}

async function failure(work: Promise<unknown>): Promise<FairwayError['problem']> {
  return work.then(
    () => assert.fail('it did not fail'),
    (error: unknown) => {
      assert(error instanceof FairwayError, String(error))
      return error.problem
    },
  )
}

/** What the API answers in place of what it should, to the request that a pattern matches, and what becomes of that. */
const FAULTS: readonly (readonly [request: RegExp, status: number, body: string, code: ProblemCode, kind: string])[] = [
  [/GET .*version/, 401, '{"code":401,"message":"unauthorized"}', 'ProxyUnauthorized', 'terminal'],
  [/GET .*version/, 403, 'Forbidden', 'ProxyUnauthorized', 'terminal'],
  [/GET .*version/, 200, 'not a number', 'ProxyUnreachable', 'transient'],
  [/GET .*version/, 404, '{"code":404,"message":"path /v3/x was not found"}', 'ProxyUnreachable', 'transient'],
  [/GET .*frontends/, 200, '[{"no":"name"}]', 'ProxyUnreachable', 'transient'],
  [/GET .*frontends/, 200, '<html>', 'ProxyUnreachable', 'transient'],
  [/GET .*raw/, 500, '{"code":500,"message":"broken"}', 'ProxyRejected', 'transient'],
  [/GET .*reloads$/, 200, '{}', 'ProxyUnreachable', 'transient'],
  [/POST .*transactions/, 409, '{"code":409,"message":"version mismatch"}', 'RevisionConflict', 'transient'],
  [/POST .*transactions/, 429, '{"code":429,"message":"20 open"}', 'ProxyUnreachable', 'transient'],
  [/POST .*transactions/, 201, '{"id":"../evil"}', 'ProxyUnreachable', 'transient'],
  [/POST .*backends/, 422, '{"code":422,"message":"name in body"}', 'ProxyRejected', 'terminal'],
  [/POST .*backends/, 409, '{"code":409,"message":"already exists"}', 'RevisionConflict', 'transient'],
  [/PUT .*transactions/, 406, '{"code":406,"message":"outdated"}', 'RevisionConflict', 'transient'],
  [/PUT .*transactions/, 400, '{"code":400,"message":"validation error"}', 'ProxyRejected', 'terminal'],
  [/PUT .*transactions/, 202, '{}', 'WriteNotConfirmed', 'transient'],
  [/GET .*reloads\/./, 404, '{"code":404,"message":"unknown"}', 'WriteNotConfirmed', 'transient'],
]

for (const [pattern, status, body, code, kind] of FAULTS) {
  test(`${status} ${body} to ${pattern.source} is ${code}`, async (context) => {
    const { fake, driver } = await createRig(context)
    fake.fault = (request) => (pattern.test(request) ? { status, body } : undefined)
    const problem = await failure(pass(driver(), WEB))
    assert.equal(`${problem.code} ${problem.kind}`, `${code} ${kind}`)
    assert.match(problem.message, /edge-1/)
    assert.notEqual(problem.remedy, '')
    // What was begun is given up.
    if (!pattern.source.startsWith('PUT')) assert.deepEqual([...fake.open], [])
  })
}

test('a pass is one transaction, and one without a change is none', async (context) => {
  const { fake, driver } = await createRig(context)
  const one = driver()
  assert.deepEqual(await pass(one, WEB, MAIL), { refused: [], wrote: true })
  assert.deepEqual(await pass(one, WEB, MAIL), { refused: [], wrote: false })
  assert.equal(fake.requests.filter((line) => line.startsWith('POST /transactions')).length, 1)
  assert.deepEqual(fake.names('frontends'), [
    'fairway.prod.public.tcp.203.0.113.10.25',
    'fairway.prod.public.tcp.203.0.113.10.443',
  ])
  // They lead alike to the same targets.
  assert.equal(fake.names('backends').length, 1)
  await pass(one)
  for (const kind of ['frontends', 'backends', 'defaults']) assert.deepEqual(fake.names(kind), [])
})

test('a reload that fails is told with its words, taken back, and not tried again at once', async (context) => {
  const { fake, driver } = await createRig(context)
  const one = driver()
  await pass(one, WEB)
  const before = fake.names('frontends')
  fake.failures.push('[NOTICE] (123) : reloading\n[ALERT] (124) : something  is wrong\n')
  const problem = await failure(pass(one, WEB, MAIL))
  assert.equal(`${problem.code} ${problem.kind}`, 'ProxyRejected transient')
  assert.match(problem.message, /goes on with the one before: \[ALERT\] : something is wrong$/)
  assert.deepEqual(fake.names('frontends'), before)
  const commits = () => fake.requests.filter((line) => line.startsWith('PUT /transactions')).length
  const sent = commits()
  assert.deepEqual(await failure(pass(one, WEB, MAIL)), problem)
  assert.equal(commits(), sent)
  // Something else is.
  assert.equal((await pass(one, MAIL)).wrote, true)
})

test('where that cannot be taken back either, it is said, and the next pass writes all of it again', async (context) => {
  const { fake, driver } = await createRig(context)
  const one = driver()
  fake.failures.push('one', 'two')
  assert.equal((await failure(pass(one, WEB))).code, 'WriteNotConfirmed')
  assert.equal((await pass(one, MAIL)).wrote, true)
  assert.deepEqual(await pass(one, MAIL), { refused: [], wrote: false })
})

test('an API that holds what HAProxy did not load is no witness of what is served', async (context) => {
  const { fake, driver } = await createRig(context)
  const one = driver()
  await pass(one, WEB)
  fake.raw = `# _version=${fake.version - 1}\n`
  const { trouble } = await one.read(signal)
  assert.equal(trouble?.code, 'ProxyRejected')
  fake.raw = `# _version=${fake.version}\n`
  assert.equal((await one.read(signal)).trouble, undefined)
})

test('a socket that HAProxy could not bind is left out by name from then on', async (context) => {
  const { fake, driver } = await createRig(context)
  const one = driver()
  const name = 'fairway.prod.public.tcp.203.0.113.10.25'
  fake.failures.push(
    `[ALERT] (7) : Starting frontend ${name}: cannot bind socket (Address already in use) [203.0.113.10:25]`,
  )
  await failure(pass(one, WEB, MAIL))
  const { refused, wrote } = await pass(one, WEB, MAIL)
  assert.equal(wrote, true)
  assert.deepEqual(
    refused.map(({ key, problem }) => `${key} ${problem.code}`),
    ['tcp/203.0.113.10:25 PortTaken'],
  )
  assert.deepEqual(fake.names('frontends'), ['fairway.prod.public.tcp.203.0.113.10.443'])
})

test('where the end of a reload was not learnt, the next pass reloads again', async (context) => {
  const { fake, driver } = await createRig(context)
  const one = driver()
  fake.fault = (line) => (/reloads\/./.test(line) ? { status: 404, body: '{"code":404,"message":"-"}' } : undefined)
  assert.equal((await failure(pass(one, WEB))).code, 'WriteNotConfirmed')
  fake.fault = undefined
  assert.equal((await pass(one, WEB)).wrote, true)
  assert.deepEqual(await pass(one, WEB), { refused: [], wrote: false })
})

test('a reload that does not end is waited for no longer than agreed', async (context) => {
  const { fake, driver } = await createRig(context)
  fake.stuck = true
  const problem = await failure(driver().read(signal))
  assert.equal(problem.code, 'WriteNotConfirmed')
})

test("a listener of somebody else's is in the way of its port alone", async (context) => {
  const { fake, driver } = await createRig(context)
  const { refused } = await pass(driver(), WEB, frontend({ port: 22 }))
  assert.equal(refused[0]?.problem.code, 'PortTaken')
  assert.match(refused[0]?.problem.message ?? '', /frontend theirs listens on 203\.0\.113\.10:22/)
  assert.deepEqual(fake.names('frontends'), ['fairway.prod.public.tcp.203.0.113.10.443'])
})

test('a time that HAProxy cannot hold is refused', async (context) => {
  const { driver } = await createRig(context)
  const { refused } = await pass(driver(), WEB, { ...MAIL, idleTimeoutMs: 2 ** 31 })
  assert.equal(refused[0]?.problem.code, 'Unsupported')
})

test('the user is read from its file, and a file without one is said', async (context) => {
  const { fake, driver, write } = await createRig(context)
  const { listeners } = await driver({ userFile: await write('user', 'admin:pass:word\n') }).read(signal)
  assert.deepEqual(
    listeners.map(({ holder }) => holder),
    ['frontend theirs', 'the admin API'],
  )
  assert(fake.requests.length > 0)
  for (const text of ['', 'admin', ':word', 'ad min:word\nmore']) {
    const problem = await failure(driver({ userFile: await write('user', text) }).read(signal))
    assert.equal(problem.code, 'ConfigInvalid')
    assert.doesNotMatch(problem.message, /word/)
  }
  assert.equal((await failure(driver({ userFile: '/nowhere/user' }).read(signal))).code, 'ConfigInvalid')
})
