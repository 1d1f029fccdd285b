/** A Lease that another release has written: when it may be taken, and what the epoch is then. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { createKubeClient, type KubeClient } from '../../../src/kube/client.ts'
import { LeaderElection } from '../../../src/kube/lease.ts'
import { fromWire } from '../../../src/kube/wire.ts'
import { FakeApiServer } from '../../support/fake-api-server.ts'
import type { FakeObject } from '../../support/fake-api-store.ts'
import { eventually, FakeClock, quietLog } from '../kube/fake-clock.ts'
import { readFixtureJson } from './fixtures.ts'

const PATH = '/apis/coordination.k8s.io/v1/leases'

interface Lease extends FakeObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly spec: Readonly<Record<string, unknown>>
}

let server: FakeApiServer
let clock: FakeClock
let client: KubeClient
let stop: AbortController

beforeEach(async () => {
  server = await FakeApiServer.start()
  clock = new FakeClock()
  client = createKubeClient({ kubeConfig: server.kubeConfig(), clock })
  stop = new AbortController()
})

afterEach(async () => {
  stop.abort()
  await client.close()
  await server.close()
})

async function fixture(name: string): Promise<Lease> {
  return fromWire<Lease>(await readFixtureJson(`lease/${name}.json`))
}

function elect(identity: string): LeaderElection {
  return new LeaderElection({ client, namespace: 'fairway', name: 'fairway', identity, log: quietLog, clock })
}

/** Leads until the signal comes. */
async function lead(election: LeaderElection): Promise<number> {
  const led = Promise.withResolvers<number>()
  const ended = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()))
  const work = (epoch: number) => {
    led.resolve(epoch)
    return ended
  }
  tenure = election.run(work, stop.signal)
  return led.promise
}

let tenure: Promise<unknown> = Promise.resolve()
const kept = () => fromWire<Lease>(server.get(PATH, 'fairway', 'fairway'))

test('one that is held is left alone for as long as it says', async () => {
  const held = await fixture('held')
  server.put(PATH, held)
  const election = elect('later')
  const leading = lead(election)
  await eventually(() => election.holder !== undefined)
  assert.deepEqual([election.holder, election.epoch], ['fairway-7d9f-abcde-1a2b3c4d', 176_722_561])
  for (let seconds = 0; seconds < 14; seconds++) {
    clock.advance(1_000)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  assert.deepEqual(kept().spec, held.spec)
  const end = performance.now() + 5_000
  while (election.holder !== 'later' && performance.now() < end) {
    clock.advance(500)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  assert.equal(await leading, 176_722_562)
})

test('one that was given up is taken at once, and the epoch rises by one', async () => {
  server.put(PATH, await fixture('released'))
  assert.equal(await lead(elect('later')), 176_722_562)
  assert.equal(kept().spec['leaseTransitions'], 176_722_562)
})

test('the same is written: made, held and given up', async () => {
  await lead(elect('fairway-7d9f-abcde-1a2b3c4d'))
  const { apiVersion, kind, metadata, spec } = await fixture('held')
  assert.deepEqual(fromWire<Lease>(server.requests.at(-1)?.body), {
    apiVersion,
    kind,
    metadata: { name: metadata.name },
    spec,
  })
  stop.abort()
  await tenure
  assert.deepEqual(kept().spec, (await fixture('released')).spec)
})
