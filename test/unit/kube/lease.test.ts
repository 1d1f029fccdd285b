import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { createKubeClient, type KubeClient } from '../../../src/kube/client.ts'
import { LeaderElection, type Tenure } from '../../../src/kube/lease.ts'
import { fromWire } from '../../../src/kube/wire.ts'
import { FakeApiServer, type FakeRequest, refuse } from '../../support/fake-api-server.ts'
import { eventually, FakeClock, quietLog } from './fake-clock.ts'

const PATH = '/apis/coordination.k8s.io/v1/leases'
const MICRO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/
let server: FakeApiServer
let clock: FakeClock
let client: KubeClient
let replicas: Replica[]

/** One process that wants to lead. */
class Replica {
  readonly election: LeaderElection
  readonly stop = new AbortController()
  readonly tenure: Promise<Tenure>
  readonly clock: FakeClock
  epoch: number | undefined
  lost = false
  readonly heard: string[] = []
  readonly #finish = Promise.withResolvers<void>()

  constructor(identity: string, own: FakeClock = clock) {
    this.clock = own
    this.election = new LeaderElection({
      client,
      namespace: 'ns',
      name: 'fairway',
      identity,
      log: quietLog,
      clock: own,
      onConfirmed: (words) => void this.heard.push(...words),
    })
    const work = (epoch: number, lost: AbortSignal): Promise<void> => {
      this.epoch = epoch
      lost.addEventListener('abort', () => {
        this.lost = true
        this.#finish.resolve()
      })
      return this.#finish.promise
    }
    this.tenure = this.election.run(work, this.stop.signal)
    replicas.push(this)
  }

  readonly leads = (): boolean => this.epoch !== undefined && this.election.held

  finish(error?: Error): void {
    if (error === undefined) this.#finish.resolve()
    else this.#finish.reject(error)
  }
}

beforeEach(async () => {
  server = await FakeApiServer.start()
  clock = new FakeClock()
  client = createKubeClient({ kubeConfig: server.kubeConfig(), clock })
  replicas = []
})

afterEach(async () => {
  for (const replica of replicas) {
    replica.stop.abort()
    replica.finish()
  }
  await Promise.allSettled(replicas.map(({ tenure }) => tenure))
  await client.close()
  await server.close()
})

interface Spec {
  readonly holderIdentity: string
  readonly leaseTransitions: number
  readonly leaseDurationSeconds: number
  readonly renewTime: string
}

const spec = (): Spec => fromWire<{ spec: Spec }>(server.get(PATH, 'ns', 'fairway')).spec
const isWrite = ({ method }: FakeRequest): boolean => method !== 'GET'
const writes = (): number => server.requests.filter(isWrite).length

/** Lets time pass in small steps, with real time for the requests between them. */
async function pass(totalMs: number): Promise<void> {
  for (let left = totalMs; left > 0; left -= 250) {
    clock.advance(250)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

function putLease(over: object = {}): void {
  const times = { acquireTime: '2001-01-01T00:00:00.000000Z', renewTime: '2001-01-01T00:00:00.000000Z' }
  const held = { holderIdentity: 'other', leaseDurationSeconds: 15, leaseTransitions: 4, ...times, ...over }
  server.put(PATH, { metadata: { name: 'fairway', namespace: 'ns' }, spec: held })
}

test('a lease that does not exist is made, and counts from the time', async () => {
  const replica = new Replica('a')
  await eventually(replica.leads)
  assert.equal(server.requests.at(-1)?.method, 'POST')
  assert.equal(replica.epoch, Math.floor(clock.wallNow() / 10_000) + 1)
  const sent = fromWire<{ spec: Spec }>(server.requests.at(-1)?.body).spec
  assert.deepEqual([sent.holderIdentity, sent.leaseDurationSeconds], ['a', 15])
  assert.match(sent.renewTime, MICRO_TIME)
})

test('a free lease is taken with a higher count, renewed every two seconds, and given up after the work', async () => {
  putLease({ holderIdentity: '' })
  const replica = new Replica('a')
  await eventually(replica.leads)
  assert.equal(replica.epoch, 5)
  const before = writes()
  await pass(10_000)
  // Five, less the time that requests take on a clock that runs ahead of them.
  assert.ok(writes() - before >= 3 && writes() - before <= 5, `${writes() - before} renewals`)
  assert.deepEqual([spec().leaseTransitions, spec().holderIdentity], [5, 'a'])
  replica.finish()
  assert.equal(await replica.tenure, 'ended')
  assert.deepEqual([spec().holderIdentity, spec().leaseTransitions, spec().leaseDurationSeconds], ['', 5, 1])
  assert.equal(replica.election.held, false)
})

test("another's lease is left alone as long as it changes, whatever times stand in it", async () => {
  putLease()
  const replica = new Replica('a')
  for (let count = 0; count < 4; count += 1) {
    await pass(10_000)
    putLease({ renewTime: `2001-01-01T00:00:0${count + 1}.000000Z` })
  }
  assert.deepEqual([replica.epoch, writes(), replica.election.holder], [undefined, 0, 'other'])
})

test("another's lease is taken once it has not changed for its duration, seen from here", async () => {
  putLease({ renewTime: '2099-01-01T00:00:00.000000Z' })
  const replica = new Replica('a')
  await eventually(() => server.requests.length === 1)
  await pass(14_000)
  assert.equal(replica.epoch, undefined)
  await pass(6000)
  await eventually(replica.leads)
  assert.equal(replica.epoch, 5)
})

test('two who try at once: one leads', async () => {
  putLease({ holderIdentity: '' })
  const pair = [new Replica('a'), new Replica('b')]
  await pass(20_000)
  assert.equal(pair.filter(({ leads }) => leads()).length, 1)
  assert.equal(spec().leaseTransitions, 5)
})

test('who is released from leads soon after, with a higher count', async () => {
  const first = new Replica('a')
  await eventually(first.leads)
  const second = new Replica('b')
  await pass(4000)
  assert.equal(second.epoch, undefined)
  first.finish()
  await first.tenure
  await pass(5000)
  await eventually(second.leads)
  assert.ok((second.epoch ?? 0) > (first.epoch ?? 0))
})

test('a cut to the API server ends the work before others may lead', async () => {
  const replica = new Replica('a')
  await eventually(replica.leads)
  const since = clock.now()
  server.fault(
    () => true,
    () => undefined,
    1000,
  )
  await eventually(() => {
    clock.advance(250)
    return replica.lost
  })
  assert.ok(clock.now() - since <= 11_000, `${clock.now() - since} ms`)
  assert.equal(await replica.tenure, 'lost')
  assert.equal(replica.election.held, false)
})

test('single failures are survived', async () => {
  const replica = new Replica('a')
  await eventually(replica.leads)
  for (const fault of [refuse(500), refuse(409, 'Conflict'), refuse(429)]) {
    server.fault(isWrite, fault)
    await pass(5000)
    assert.equal(replica.leads(), true)
  }
})

test('who was stopped for long knows on waking up that it leads no more, before any request', async () => {
  const own = new FakeClock()
  const replica = new Replica('a', own)
  await eventually(replica.leads)
  own.advance(1000)
  const asked = server.requests.length
  own.jump(60_000)
  assert.equal(replica.election.held, false)
  own.advance(1000)
  assert.equal(await replica.tenure, 'lost')
  assert.deepEqual([replica.lost, server.requests.length], [true, asked])
})

test('a lease that somebody else has taken ends the work at once', async () => {
  const replica = new Replica('a')
  await eventually(replica.leads)
  putLease({ leaseTransitions: 9 })
  server.fault(isWrite, refuse(409, 'Conflict'))
  await pass(2500)
  assert.equal(await replica.tenure, 'lost')
  assert.deepEqual([spec().holderIdentity, replica.election.epoch], ['other', 9])
})

test('a signal before it leads ends the waiting', async () => {
  putLease()
  const replica = new Replica('a')
  await eventually(() => server.requests.length === 1)
  replica.stop.abort()
  assert.equal(await replica.tenure, 'stopped')
  assert.equal(writes(), 0)
})

test('work that fails releases the lease and passes its error on', async () => {
  putLease({ holderIdentity: '' })
  const replica = new Replica('a')
  await eventually(replica.leads)
  replica.finish(new Error('broken'))
  await assert.rejects(replica.tenure, /broken/)
  assert.equal(spec().holderIdentity, '')
})

test('a word on the lease is heard once, by the one that leads, which takes it off', async () => {
  putLease({ holderIdentity: '' })
  const [leader, follower] = [new Replica('a'), new Replica('b')]
  await eventually(() => leader.leads() || follower.leads())
  const lease = fromWire<{ metadata: object }>(server.get(PATH, 'ns', 'fairway'))
  const annotations = { 'fairway.dev/confirm': '3f9a2c1d,00000001', 'somebody.else/has': 'this' }
  server.put(PATH, { ...lease, metadata: { ...lease.metadata, name: 'fairway', namespace: 'ns', annotations } })
  await pass(10_000)
  const [winner, loser] = leader.leads() ? [leader, follower] : [follower, leader]
  assert.deepEqual([winner.heard, loser.heard], [['3f9a2c1d', '00000001'], []])
  const kept = fromWire<{ metadata: { annotations: object } }>(server.get(PATH, 'ns', 'fairway'))
  assert.deepEqual(kept.metadata.annotations, { 'somebody.else/has': 'this' })
})
