/** An API server that is killed again and again while Services and nodes change. FAIRWAY_SOAK=1: fifty times instead of five. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { compactEtcd } from '../lab/compact-etcd.ts'
import { delay, waitFor } from '../lab/wait.ts'
import { startWorld, type World } from './world.ts'

const ROUNDS = process.env['FAIRWAY_SOAK'] === undefined ? 5 : 50

describe('API server restarts', () => {
  const signal = AbortSignal.timeout(ROUNDS * 60_000 + 240_000)
  const random = generator('api-restarts')
  const services = new Map<string, number>()
  let nodes = 2
  let world: World
  before(async () => {
    world = await startWorld(signal)
    for (let n = 1; n <= nodes; n++) await world.createNode(`n${n}`, `10.0.0.${n}`)
  })
  after(() => world?.stop())

  /** One random change. One that an API server which is just dying does not answer is tried again, until it is seen to be done. */
  async function change(): Promise<void> {
    const port = 20_100 + services.size + Math.floor(random() * 1_000)
    const [victim] = services.keys()
    if (services.size < 4 || random() < 0.6) {
      const name = `s${port}`
      if (services.has(name)) return
      await settle(() => world.createService(name, port))
      services.set(name, port)
    } else if (random() < 0.5 && victim !== undefined) {
      await settle(() => world.deleteService(victim))
      services.delete(victim)
    } else {
      nodes++
      const name = `n${nodes}`
      await settle(() => world.createNode(name, `10.0.0.${nodes}`))
      await settle(() => world.deleteNode(`n${nodes - 2}`))
    }
  }

  async function settle(work: () => Promise<void>): Promise<void> {
    const attempt = async () => {
      try {
        await work()
        return true
      } catch (error) {
        // Done by an attempt before, whose answer was lost.
        if (/: (409|404) /.test(String(error))) return true
        throw error
      }
    }
    await waitFor('a change to get through', attempt, { timeoutMs: 60_000, intervalMs: 300 }, signal)
  }

  /** What the operator made of it all equals what a fresh one makes of it, byte for byte, without a write. */
  async function assertConverged(): Promise<void> {
    await world.serves(60_000)
    const addresses = [nodes - 1, nodes].map((n) => `10.0.0.${n}`).toSorted()
    const nodesAreUsed = async () => (await world.targets()).join() === addresses.join()
    await waitFor('the nodes that there are to be used', nodesAreUsed, { timeoutMs: 60_000 }, signal)
    await waitFor('every Service to have its address', allPublished, { timeoutMs: 60_000, intervalMs: 300 }, signal)
    await waitFor('the last write', quiet, { timeoutMs: 60_000 }, signal)
  }

  async function allPublished(): Promise<boolean> {
    const items = JSON.parse(await world.services()) as readonly {
      readonly spec: { readonly type: string }
      readonly status: { readonly loadBalancer: { readonly ingress?: object } }
    }[]
    return items.every(({ spec, status }) => spec.type !== 'LoadBalancer' || status.loadBalancer.ingress !== undefined)
  }

  async function quiet(): Promise<boolean> {
    const then = [await world.services(), (await world.writers()).length].join()
    await delay(1_500, signal)
    return then === [await world.services(), (await world.writers()).length].join()
  }

  async function kill(rest: () => Promise<void>): Promise<void> {
    await delay(random() * 400, signal)
    await world.lab.controlPlane.stop('kube-apiserver', 'kill', signal)
    await delay(random() * 1_000, signal)
    const changing = Promise.all([change(), change()])
    await rest()
    await world.lab.controlPlane.start('kube-apiserver', signal)
    await changing
  }

  test(`${ROUNDS} kills, and one with its history compacted: nothing is lost, nothing moves`, async () => {
    const operator = await world.operator('survivor', { elect: false })
    for (let i = 0; i < 4; i++) await change()
    await assertConverged()
    for (let round = 0; round < ROUNDS; round++) await kill(async () => {})
    await kill(async () => compactEtcd(world.lab.controlPlane.etcdUrl, signal))
    await assertConverged()
    assert.equal(operator.exitCode(), undefined)
    const [servers, objects, writes] = [await world.servers(), await world.services(), (await world.writers()).length]
    await operator.end('SIGTERM')
    const fresh = await world.operator('fresh', { elect: false })
    await delay(3_000, signal)
    assert.equal(lastDigest(await operator.log()), lastDigest(await fresh.log()))
    assert.equal(await world.servers(), servers)
    assert.equal(await world.services(), objects)
    assert.equal((await world.writers()).length, writes)
  })
})

/** What an operator's caches held when its last pass had ended. */
function lastDigest(log: string): string {
  const digest = [...log.matchAll(/"caches":"([0-9a-f]{64})"/g)].at(-1)?.[1]
  assert.ok(digest !== undefined, 'the log has no pass')
  return digest
}

/** Numbers from 0 to 1 that are the same in every run. */
function generator(seed: string): () => number {
  let drawn = 0
  return () => createHash('sha256').update(`${seed} ${drawn++}`).digest().readUInt32BE() / 2 ** 32
}
