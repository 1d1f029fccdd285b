/** Who may use a `fairway edge`, with the real program: tokens, certificates, epochs, and the commands of its administrator. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { createAuthority } from '../../src/edge/certificates.ts'
import type { Owner } from '../../src/model/table.ts'
import { clientCertificate } from '../unit/edge/client-certificate.ts'
import { isOpen, whoServes } from './clients.ts'
import { type EdgeHarness, startEdge } from './edge-harness.ts'
import { local } from './net.ts'
import { failsWith, frontend, leftOver, PROD, pass, tableOf } from './tables.ts'
import { inWorld, type World } from './world.ts'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')

/** A test with an edge of given settings. */
function edgeTest(name: string, config: object, body: (world: World, harness: EdgeHarness) => Promise<void>): void {
  test(name, async () => {
    let harness: EdgeHarness | undefined
    const start = async () => (harness = await startEdge({ address: local(1), config }))
    await inWorld({ name: 'edge', start }, (world) => body(world, harness ?? assert.fail('no harness')))
  })
}

/** Runs a command of the administrator on the proxy: `fairwayEdge(harness, 'token', 'list')`. Resolves with what it prints. */
async function fairwayEdge({ edge }: EdgeHarness, ...words: readonly string[]): Promise<string> {
  const argv = [MAIN, 'edge', ...words, '--config', edge.configFile]
  const { stdout } = await promisify(execFile)(process.execPath, argv, { timeout: 30_000 })
  return stdout.trim()
}

edgeTest('a token that is missing, wrong or for another table', {}, async (world, harness) => {
  const { signal, groups, targetPort } = world
  const table = tableOf(groups, frontend({ port: await world.port(), targetPort }))
  await pass(harness.driver(), table, signal)
  const wrong = join(harness.edge.dir, 'wrong')
  await writeFile(wrong, 'fairway_wrong')
  const cases: readonly (readonly [tokenFile: string | undefined, owner: Owner, message: RegExp])[] = [
    [undefined, PROD, /the edge does not know who sends this/],
    [wrong, PROD, /the edge does not know who sends this/],
    [harness.edge.tokenFile('stranger/*'), PROD, /answers for prod\/public: this credential is not for that table/],
    [harness.edge.tokenFile('prod/old'), PROD, /answers for prod\/public: this credential is not for that table/],
  ]
  for (const [tokenFile, owner, message] of cases) {
    const driver = harness.driver({ tokenFile, owner })
    const { problem } = await failsWith('ProxyUnauthorized', () => driver.read(signal))
    assert.match(problem.message, message)
    assert.match(problem.remedy, /tokenFile.*fairway edge token list/)
  }
  const own = harness.driver({ tokenFile: harness.edge.tokenFile('prod/public') })
  assert.deepEqual(await leftOver(own, table, signal), [])
  assert.deepEqual((await own.read(signal)).siblings, [])
})

edgeTest('tokens are rotated without a gap', {}, async (world, harness) => {
  const { signal, groups, targetPort } = world
  const tokenFile = join(harness.edge.dir, 'rotated')
  const table = tableOf(groups, frontend({ port: await world.port(), targetPort }))
  const mount = async (token: string) => {
    await writeFile(`${tokenFile}.new`, token)
    await rename(`${tokenFile}.new`, tokenFile)
  }
  const first = await fairwayEdge(harness, 'token', 'add', 'prod/public')
  assert.match(first, /^fairway_[\w-]{43}$/)
  await mount(first)
  const driver = harness.driver({ tokenFile })
  await pass(driver, table, signal)
  // A pass after the other, without a pause.
  let passes = 0
  const over = new AbortController()
  const passing = (async () => {
    for (; !over.signal.aborted; passes++) await pass(driver, table, signal)
  })()
  const second = await fairwayEdge(harness, 'token', 'add', 'prod/public')
  await mount(second)
  const [, id] = /^prod\/public (\w{8}) since /m.exec(await fairwayEdge(harness, 'token', 'list')) ?? []
  assert.match(await fairwayEdge(harness, 'token', 'remove', 'prod/public', '--id', id ?? ''), /any more$/)
  const enough = passes + 5
  const isEnough = () => passes >= enough
  while (!isEnough()) await Promise.race([passing, new Promise((done) => setTimeout(done, 20))])
  over.abort()
  await passing
  await mount(first)
  await failsWith('ProxyUnauthorized', () => driver.read(signal))
  assert.equal((await readFile(join(harness.edge.dir, 'tokens.yaml'), 'utf8')).includes(second), false)
})

edgeTest('a client certificate is as good as a token, for the owner that it names', {}, async (world, harness) => {
  const { signal, groups, targetPort } = world
  const { dir } = harness.edge
  const authority = await createAuthority('clients', new Date())
  const save = async (name: string, uri: string, signer = authority) => {
    const { cert, key } = await clientCertificate(signer, { uri })
    await writeFile(join(dir, `${name}.crt`), cert)
    await writeFile(join(dir, `${name}.key`), key)
    return { certFile: join(dir, `${name}.crt`), keyFile: join(dir, `${name}.key`), caFile: harness.edge.caFile }
  }
  const ours = await save('ours', 'fairway:prod/public')
  const others = await save('others', 'fairway:stranger/*')
  const forged = await save('forged', 'fairway:prod/public', await createAuthority('clients', new Date()))
  await writeFile(join(dir, 'clients.crt'), authority.cert)
  await harness.edge.configure({ tls: { certFile: 'edge.crt', keyFile: 'edge.key', clientCaFile: 'clients.crt' } })
  await harness.edge.end('SIGTERM')
  await harness.edge.start()
  const table = tableOf(groups, frontend({ port: await world.port(), targetPort }))
  const access = { tokenFile: undefined }
  assert.deepEqual(await pass(harness.driver({ ...access, tls: ours }), table, signal), { refused: [], wrote: true })
  for (const tls of [others, forged]) {
    await failsWith('ProxyUnauthorized', () => harness.driver({ ...access, tls }).read(signal))
  }
  // Whoever has a token needs none, and it goes before a certificate.
  assert.deepEqual(await leftOver(harness.driver({ tls: others }), table, signal), [])
})

edgeTest('an edge that is not the one we trust', {}, async (world, harness) => {
  const caFile = join(harness.edge.dir, 'other.crt')
  await writeFile(caFile, (await createAuthority('other', new Date())).cert)
  const read = () => harness.driver({ tls: { caFile } }).read(world.signal)
  assert.match((await failsWith('ProxyUnreachable', read)).problem.message, /its certificate is not trusted/)
  const plain = harness.driver({ url: harness.edge.url.replace('https:', 'http:') })
  await failsWith('ProxyUnreachable', () => plain.read(world.signal))
})

edgeTest('former leaders are told apart by their epoch', {}, async (world, harness) => {
  const { signal, groups, targetPort } = world
  const [web, mail] = [
    frontend({ port: await world.port(), targetPort }),
    frontend({ port: await world.port(), targetPort }),
  ]
  const [former, leader, alone] = [7, 8, 0].map((epoch) => harness.driver({ epoch }))
  assert(former !== undefined && leader !== undefined && alone !== undefined)
  await pass(former, tableOf(groups, web), signal)
  await pass(leader, tableOf(groups, web, mail), signal)
  await failsWith('LeaseLost', () => pass(former, tableOf(groups, web), signal))
  assert.deepEqual(await whoServes(mail), ['a', 'b'])
  // Without a Lease there is no order to be late in, and none that others would lose.
  assert.equal((await pass(alone, tableOf(groups, web), signal)).wrote, true)
  await harness.edge.end('SIGKILL')
  await harness.edge.start()
  await failsWith('LeaseLost', () => pass(former, tableOf(groups, mail), signal))
  assert.equal((await pass(leader, tableOf(groups, web, mail), signal)).wrote, true)
})

edgeTest('what a cluster has left that will not come back is removed by hand', {}, async (world, harness) => {
  const { signal, groups, targetPort } = world
  const [web, other] = [
    frontend({ port: await world.port(), targetPort }),
    frontend({ port: await world.port(), targetPort }),
  ]
  await pass(harness.driver(), tableOf(groups, web), signal)
  await pass(harness.driver({ owner: { ...PROD, cluster: 'prod-a' } }), tableOf(groups, other), signal)
  const tokens = async () => (await readFile(join(harness.edge.dir, 'tokens.yaml'), 'utf8')).match(/sha256/g)
  const before = await tokens()
  const listed = await fairwayEdge(harness, 'table', 'list')
  assert.match(
    listed,
    new RegExp(`^prod-a/public 1 frontends, generation 1 since \\S+, cluster ${PROD.uid}\nprod/public 1`),
  )
  const successor = harness.driver({ owner: { ...PROD, uid: 'the-next-cluster' } })
  const { problem } = await failsWith('OwnerConflict', () => successor.read(signal))
  assert.match(problem.remedy, /"fairway adopt --class public /)
  assert.equal(await fairwayEdge(harness, 'table', 'remove', 'prod/public'), 'prod/public is removed, with 1 frontends')
  assert.equal(await isOpen(web), false)
  assert.deepEqual(await whoServes(other), ['a', 'b'])
  assert.equal((await tokens())?.length, before?.length)
  assert.deepEqual(await pass(successor, tableOf(groups, web), signal), { refused: [], wrote: true })
  await assert.rejects(
    fairwayEdge(harness, 'table', 'remove', 'no/such'),
    /there is no table no\/such.*There are: prod-a\/public, prod\/public/s,
  )
  await harness.edge.end('SIGTERM')
  await assert.rejects(fairwayEdge(harness, 'table', 'remove', 'prod/public'), /does not answer at .*Start it/s)
})
