/** Several replicas of the operator, of which the leader dies, stops for a while, or loses the API server. */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { delay, waitFor } from '../lab/wait.ts'
import type { OperatorProcess } from './operators.ts'
import { startRelay } from './relay.ts'
import { FIRST_ADDRESS, kubeconfigThrough, startWorld, type World } from './world.ts'

/** Lease 15 s, then up to 2 × 2.2 s until another asks; the rest is for a busy machine. */
const HAND_OVER_MS = 30_000

describe('replicas', () => {
  const signal = AbortSignal.timeout(540_000)
  let world: World
  before(async () => {
    world = await startWorld(signal)
    await world.createNode('n1', '10.0.0.1')
    await world.createNode('n2', '10.0.0.2')
  })
  after(() => world?.stop())
  afterEach(() => world.endOperators())

  /** Starts a leader, then a follower. */
  async function startPair(name: string, kubeconfig?: string): Promise<readonly [OperatorProcess, OperatorProcess]> {
    const leader = await world.operator(`${name}-1`, kubeconfig === undefined ? {} : { kubeconfig })
    await leads(leader)
    const follower = await world.operator(`${name}-2`)
    await delay(500, signal)
    assert.equal(await follower.led(), false)
    return [leader, follower]
  }

  async function leads(one: OperatorProcess): Promise<void> {
    await waitFor(`${one.name} to lead`, () => one.led(), { timeoutMs: HAND_OVER_MS, daemons: [one] }, signal)
  }

  /** Nothing of an older epoch reached Caddy after the newer one's first write. */
  async function assertEpochsRise(): Promise<void> {
    const epochs = (await world.writers()).map((text) => Number(/epoch (\d+)/.exec(text)?.[1]))
    assert.ok(epochs.length > 0 && epochs.every(Number.isInteger), `writes without an epoch: ${epochs.join()}`)
    assert.deepEqual(
      epochs,
      epochs.toSorted((a, b) => a - b),
    )
  }

  test('one leads; a leader that ends in good order is followed within seconds, and nothing is written for that', async () => {
    const [leader, follower] = await startPair('order')
    await world.createService('first', 20_001)
    await world.serves()
    await waitFor(
      'its address',
      async () => (await world.services()).includes(FIRST_ADDRESS),
      { timeoutMs: 10_000 },
      signal,
    )
    const [servers, services, writes] = [await world.servers(), await world.services(), (await world.writers()).length]
    const started = performance.now()
    await leader.end('SIGTERM')
    assert.equal(leader.exitCode(), 0)
    await leads(follower)
    const tookMs = performance.now() - started
    assert.ok(tookMs < 10_000, `it took ${tookMs} ms, as if the Lease had not been released`)
    await delay(2_000, signal)
    assert.equal(await world.servers(), servers)
    assert.equal(await world.services(), services)
    assert.equal((await world.writers()).length, writes)
    await world.createService('second', 20_002)
    await world.serves()
  })

  test('a leader that is killed is followed when its Lease has expired', async () => {
    const [leader, follower] = await startPair('kill')
    await leader.end('SIGKILL')
    await world.createService('third', 20_003)
    await world.serves(HAND_OVER_MS)
    assert.ok(await follower.led())
    await assertEpochsRise()
  })

  test('a leader that was stopped for longer than the Lease writes nothing when it goes on', async () => {
    const [leader, follower] = await startPair('stop')
    // Stopped with work to do: it has seen the Service, or is about to.
    await world.createService('fourth', 20_004)
    await world.createService('fifth', 20_005)
    leader.kill('SIGSTOP')
    await leads(follower)
    await world.deleteService('fourth')
    await world.serves(HAND_OVER_MS)
    leader.kill('SIGCONT')
    await waitFor('the old leader to end', async () => leader.exitCode() !== undefined, { timeoutMs: 20_000 }, signal)
    assert.equal(leader.exitCode(), 1)
    assert.match(await leader.log(), /The lead \(Lease fairway\) was lost/)
    await delay(1_000, signal)
    await world.serves()
    await assertEpochsRise()
  })

  test('a leader that is cut off from the API server gives up before another takes over', async () => {
    const server = new URL(world.lab.controlPlane.access.server)
    const relay = await startRelay(server.hostname, Number(server.port))
    try {
      const [leader, follower] = await startPair('cut', kubeconfigThrough(world, relay.port))
      relay.cut()
      const gaveUp = waitFor(
        'the leader to give up',
        async () => leader.exitCode() !== undefined,
        { timeoutMs: HAND_OVER_MS },
        signal,
      )
      await leads(follower)
      await gaveUp
      const lines = `${await leader.log()}\n${await follower.log()}`.split('\n')
      const at = (text: string) =>
        lines.filter((line) => line.includes(text)).map((line) => String(/"time":"([^"]+)"/.exec(line)?.[1]))
      const [lost] = at('the lease is lost')
      const taken = at('this replica leads').at(-1)
      assert.ok(lost !== undefined && taken !== undefined && lost < taken, `lost at ${lost}, taken at ${taken}`)
      await world.createService('sixth', 20_006)
      await world.serves(HAND_OVER_MS)
      await assertEpochsRise()
    } finally {
      await relay.close()
    }
  })
})
