import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { createDataplaneDriver } from '../../../src/drivers/dataplane.ts'
import type { Driver } from '../../../src/model/driver.ts'
import { type Frontend, makeTable, type Owner } from '../../../src/model/table.ts'
import { diffTables } from '../../../src/plan/diff.ts'
import { frontend } from '../../support/builders.ts'
import { type FakeDataplane, startFakeDataplane } from './fake-dataplane.ts'
import { failsWith } from './rig.ts'
import { OWNER } from './tables.ts'

const signal = AbortSignal.timeout(30_000)
const OLD: Owner = { ...OWNER, uid: 'the-uid-of-before' }
const WEB = frontend()
/** Two on one socket. */
const NAMED = [frontend({ port: 8443, hosts: ['a.example'] }), frontend({ port: 8443 })]

interface Rig {
  readonly fake: FakeDataplane
  readonly driver: (owner: Owner) => Driver
  /** All sections, as text. */
  readonly text: () => Promise<string>
}

async function createRig(context: TestContext): Promise<Rig> {
  const fake = await startFakeDataplane()
  context.after(() => fake.close())
  const log = { debug: () => {}, info: () => {}, warn: () => {} }
  const access = { proxy: 'edge-1', url: fake.url, tls: {}, userFile: undefined, listen: {}, log }
  const limits = { declares: () => true, probe: false, timeoutMs: 2_000, reloadTimeoutMs: 500 }
  return {
    fake,
    driver(owner) {
      const created = createDataplaneDriver({ ...access, ...limits, owner })
      context.after(() => created.close())
      return created
    },
    async text() {
      const kinds = ['defaults', 'backends', 'frontends']
      const answers = kinds.map(async (kind) => fetch(`${fake.url}/v3/services/haproxy/configuration/${kind}`))
      return (await Promise.all(answers.map(async (answer) => (await answer).text()))).join('\n')
    },
  }
}

async function pass(driver: Driver, ...frontends: readonly Frontend[]): Promise<boolean> {
  const table = makeTable(frontends, [{ id: 'nodes', targets: [{ name: 'n1', address: '10.0.0.1' }] }])
  return (await driver.apply(diffTables(await driver.read(signal), table), signal)).wrote
}

test('sections of before become as the operator would write them, in one transaction', async (context) => {
  const { fake, driver, text } = await createRig(context)
  await pass(driver(OLD), WEB, ...NAMED)
  await pass(driver({ ...OLD, className: 'internal' }), frontend({ port: 5432 }))
  const before = await text()
  const one = driver(OWNER)
  const { problem } = await failsWith('OwnerConflict', () => one.read(signal))
  assert.match(problem.remedy, new RegExp(`"fairway adopt --class public --proxy edge-1 --from ${OLD.uid}"$`))
  assert.deepEqual(await one.holdings?.(signal), [{ uid: OLD.uid, frontends: 3, writtenAt: undefined }])
  fake.requests.splice(0)
  await one.adopt?.(OLD.uid, signal)
  assert.equal(fake.requests.filter((line) => line.startsWith('PUT /transactions')).length, 1)
  assert.deepEqual(await one.holdings?.(signal), [{ uid: OWNER.uid, frontends: 3, writtenAt: undefined }])
  // But for the UID not a letter is another one; the other class is as it was.
  assert.equal((await text()).replaceAll(OWNER.uid, OLD.uid), before)
  assert.equal((await driver({ ...OLD, className: 'internal' }).read(signal)).table.frontends.length, 1)
  assert.equal(await pass(one, WEB, ...NAMED), false)
  await failsWith('OwnerConflict', () => driver(OLD).read(signal))
})

test('what another UID holds is not written', async (context) => {
  const { fake, driver } = await createRig(context)
  await pass(driver(OLD), WEB)
  fake.requests.splice(0)
  await driver(OWNER).adopt?.('nobody', signal)
  assert.deepEqual(
    fake.requests.filter((line) => !line.startsWith('GET')),
    [],
  )
})

test('a reload that fails is told, and the old owner has it again', async (context) => {
  const { fake, driver, text } = await createRig(context)
  await pass(driver(OLD), WEB)
  const before = await text()
  fake.failures.push('[ALERT] (7) : somebody else is wrong')
  const { problem } = await failsWith('ProxyRejected', async () => driver(OWNER).adopt?.(OLD.uid, signal))
  assert.match(problem.message, /somebody else is wrong/)
  assert.equal(problem.kind, 'transient')
  assert.equal(await text(), before)
  fake.failures.push('one', 'two')
  await failsWith('WriteNotConfirmed', async () => driver(OWNER).adopt?.(OLD.uid, signal))
})

test('a commit of somebody else in between is a lost race', async (context) => {
  const { fake, driver } = await createRig(context)
  await pass(driver(OLD), WEB)
  fake.fault = (line) => {
    if (line.startsWith('POST /transactions')) fake.version++
    return undefined
  }
  await failsWith('RevisionConflict', async () => driver(OWNER).adopt?.(OLD.uid, signal))
})
