/** What makes all Services of a cluster look deleted though they are not, at a real API server and a real Caddy; and what a person says when they are. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { type Lab, startLab } from '../lab/lab.ts'
import { toStderr } from '../lab/progress.ts'
import { waitFor } from '../lab/wait.ts'
import { createAccount, kubeconfig } from './accidents/account.ts'
import { fairway, SERVICES } from './cli-rig.ts'
import { type OperatorProcess, startOperator } from './operators.ts'
import { type Relay, startRelay } from './relay.ts'
import { startWorld, type World } from './world.ts'

const COUNT = 12
/** Much more than it takes: other tests run beside this one. */
const WITHIN_MS = 120_000

describe('nothing of this empties a proxy', () => {
  const signal = AbortSignal.timeout(900_000)
  let world: World
  let relay: Relay
  let served: string
  const started: OperatorProcess[] = []

  before(async () => {
    world = await startWorld(signal)
    const { hostname, port } = new URL(world.lab.controlPlane.access.server)
    relay = await startRelay(hostname, Number(port))
    for (const n of [1, 2]) await world.createNode(`n${n}`, `10.0.0.${n}`)
    for (let n = 0; n < COUNT; n++) await world.createService(`s${n}`, 20_400 + n)
    const first = await start('first')
    await world.serves(WITHIN_MS)
    served = await world.servers()
    await first.end('SIGTERM')
  })
  after(async () => {
    await relay?.close()
    await world?.stop()
  })
  afterEach(async () => {
    for (const one of started.splice(0)) await one.end('SIGTERM')
  })

  /** Starts an operator that may never become ready. */
  async function start(name: string, file = world.lab.kubeconfig): Promise<OperatorProcess> {
    const { dir, config } = world
    const one = await startOperator({ name, dir, config, kubeconfig: file, leaseNamespace: 'default' })
    started.push(one)
    return one
  }

  async function leads(one: OperatorProcess): Promise<void> {
    await waitFor(`${one.name} to lead`, () => one.led(), { timeoutMs: WITHIN_MS, daemons: [one] }, signal)
  }

  async function says(one: OperatorProcess, pattern: RegExp): Promise<void> {
    const said = async () => pattern.test(await one.log())
    await waitFor(`${one.name} to say ${pattern.source}`, said, { timeoutMs: WITHIN_MS }, signal)
  }

  /** Waits for the end of one more pass. */
  async function passes(one: OperatorProcess): Promise<void> {
    const ended = async () => (await one.log()).split('a pass has ended').length
    const now = await ended()
    await waitFor(`${one.name} to pass again`, async () => (await ended()) > now, { timeoutMs: WITHIN_MS }, signal)
  }

  /** A kubeconfig for an account of its own, through the relay. */
  async function accountFor(name: string) {
    const account = await createAccount(world.lab, relay.url, name, signal)
    const file = join(world.dir, `kubeconfig-${name}`)
    await account.writeKubeconfig(file)
    return { account, file }
  }

  test('a token that has expired: the leader gives up, and who comes after it does not begin', async () => {
    const { account, file } = await accountFor('expired')
    const leader = await start('expired-1', file)
    await leads(leader)
    await account.revoke()
    relay.breakOff()
    await says(leader, /does not accept our credentials/)
    const ended = async () => leader.exitCode() !== undefined
    await waitFor('the leader to give up', ended, { timeoutMs: WITHIN_MS }, signal)
    await says(await start('expired-2', file), /the cluster cannot be read yet.*does not accept our credentials/)
    assert.equal(await world.servers(), served)
  })

  test('a role that holds in one namespace only: what was known stays, and who begins anew does nothing', async () => {
    const { account, file } = await accountFor('confined')
    const leader = await start('confined-1', file)
    await leads(leader)
    await account.confine()
    relay.breakOff()
    await says(leader, /forbids watch of services/)
    await passes(leader)
    assert.equal(await world.servers(), served)
    await leader.end('SIGTERM')
    await says(await start('confined-2', file), /forbids/)
    assert.equal(await world.servers(), served)
  })

  describe('another cluster', () => {
    let other: Lab
    before(async () => {
      other = await startLab({ mode: 'api', progress: toStderr }, signal)
    })
    after(() => other?.stop(AbortSignal.timeout(30_000)))

    test('is the current context: what the right one has there is not its own', async () => {
      const stranger = await start('stranger', other.kubeconfig)
      await says(stranger, /OwnerConflict/)
      assert.equal(await world.servers(), served)
    })

    test('answers where the right one did: its objects do not count', async () => {
      const { access } = world.lab.controlPlane
      const file = join(world.dir, 'kubeconfig-led-astray')
      writeFileSync(file, kubeconfig({ here: { server: relay.url, token: access.token } }, 'here'))
      const leader = await start('astray', file)
      await leads(leader)
      relay.lead(Number(new URL(other.controlPlane.access.server).port))
      await says(leader, /answers for another cluster/)
      await passes(leader)
      assert.doesNotMatch(await leader.log(), /RemovalHeld/)
      assert.equal(await world.servers(), served)
      relay.lead(Number(new URL(access.server).port))
    })
  })

  test('all nodes gone: what is served leads where it led', async () => {
    const operator = await start('no-nodes')
    await leads(operator)
    for (const n of [1, 2]) await world.deleteNode(`n${n}`)
    await passes(operator)
    assert.equal(await world.servers(), served)
    for (const n of [1, 2]) await world.createNode(`n${n}`, `10.0.0.${n}`)
    await passes(operator)
    assert.equal(await world.servers(), served)
  })

  test('Services that vanished unseen are kept until a person says the word, which holds for them and no others', async () => {
    for (let n = 0; n < COUNT; n++) await vanish(`s${n}`)
    const operator = await start('held')
    await leads(operator)
    await says(operator, /RemovalHeld/)
    assert.equal(await world.servers(), served)
    const word = /fairway confirm ([0-9a-f]{8})/.exec(await operator.log())?.[1] ?? ''
    const where = ['--kubeconfig', world.lab.kubeconfig, '--lease-namespace', 'default']
    const wrong = await fairway(
      'confirm',
      word.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
      ...where,
    )
    assert.equal(wrong.code, 0, wrong.err)
    await passes(operator)
    assert.equal(await world.servers(), served)
    const right = await fairway('confirm', word, ...where)
    assert.match(right.out, /The operator has heard/)
    await waitFor('them to go', async () => (await world.servers()) === '{}', { timeoutMs: WITHIN_MS }, signal)
  })

  test('a hundred Services that are deleted on purpose go without a word', async () => {
    const operator = await start('purpose')
    await leads(operator)
    const names = Array.from({ length: 100 }, (_, n) => `p${n}`)
    for (const [n, name] of names.entries()) await world.createService(name, 20_500 + n)
    await world.serves(WITHIN_MS)
    await Promise.all(names.map((name) => world.deleteService(name)))
    await world.serves(WITHIN_MS)
    assert.equal(await world.servers(), '{}')
    assert.doesNotMatch(await operator.log(), /RemovalHeld/)
  })

  /** Deletes a Service while nobody looks, finalizer and all. */
  async function vanish(name: string): Promise<void> {
    const path = `${SERVICES}/${name}`
    await world.lab.api.request(path, { method: 'PATCH', body: { metadata: { finalizers: null } } }, signal)
    await world.deleteService(name)
  }
})
