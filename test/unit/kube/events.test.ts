import assert from 'node:assert/strict'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createKubeClient, type KubeClient } from '../../../src/kube/client.ts'
import { EventRecorder } from '../../../src/kube/events.ts'
import { fromWire } from '../../../src/kube/wire.ts'
import { FakeApiServer, refuse } from '../../support/fake-api-server.ts'
import { eventually, FakeClock, recordingLog } from './fake-clock.ts'

const PATH = '/api/v1/events'
let server: FakeApiServer
let client: KubeClient
let clock: FakeClock
let log: ReturnType<typeof recordingLog>
let recorder: EventRecorder
let busy = false

beforeEach(async () => {
  server = await FakeApiServer.start()
  clock = new FakeClock()
  log = recordingLog()
  client = createKubeClient({ kubeConfig: server.kubeConfig(), clock })
  busy = false
  recorder = new EventRecorder({ client, log, clock, instance: 'fairway-0', isBusy: () => busy })
})

afterEach(async () => {
  await recorder.close()
  await client.close()
  await server.close()
})

interface CoreEvent {
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly message: string
  readonly count: number
  readonly firstTimestamp: string
  readonly lastTimestamp: string
}

interface Told {
  readonly name?: string
  readonly type?: 'Normal' | 'Warning'
  readonly reason?: string
}

function tell(message: string, { name = 'web', type = 'Warning', reason = 'PortTaken' }: Told = {}): void {
  recorder.record({ object: { metadata: { namespace: 'ns', name, uid: `uid-of-${name}` } }, type, reason, message })
}

const written = (): CoreEvent[] => server.list(PATH).map((event) => fromWire<CoreEvent>(event))
const told = (): string[] => written().map(({ message, count }) => `${message} x${count}`)

async function all(): Promise<void> {
  await recorder.drained()
}

test('an Event is about the Service, from fairway, as kubectl describe shows it', async () => {
  tell('Port 80 is taken')
  await all()
  const { metadata, ...event } = fromWire<CoreEvent>(server.requests[0]?.body)
  assert.deepEqual(
    { ...event, namespace: metadata.namespace },
    {
      apiVersion: 'v1',
      kind: 'Event',
      namespace: 'ns',
      involvedObject: { apiVersion: 'v1', kind: 'Service', namespace: 'ns', name: 'web', uid: 'uid-of-web' },
      type: 'Warning',
      reason: 'PortTaken',
      message: 'Port 80 is taken',
      source: { component: 'fairway' },
      reportingComponent: 'fairway',
      reportingInstance: 'fairway-0',
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:00Z',
      count: 1,
    },
  )
  assert.match(metadata.name, /^web\.[0-9a-f]+$/)
})

suite('beside more urgent writes', () => {
  test('Events wait until these are through', async () => {
    busy = true
    tell('m')
    for (let tick = 0; tick < 5; tick += 1) {
      clock.advance(100)
      await turn()
    }
    assert.deepEqual(server.requests, [])
    busy = false
    clock.advance(100)
    await all()
    assert.deepEqual(told(), ['m x1'])
  })

  test('where these never end, one Event a second goes out all the same', async () => {
    busy = true
    const beganAt = clock.now()
    for (const message of ['m', 'n', 'o']) tell(message)
    await eventually(() => {
      clock.advance(50)
      return told().length === 3
    })
    assert.ok(clock.now() >= beganAt + 3_000, `after ${clock.now() - beganAt} ms`)
  })
})

suite('correlation', () => {
  test('the same again raises a count', async () => {
    for (let count = 0; count < 3; count += 1) {
      tell('m')
      await all()
      clock.advance(1000)
    }
    assert.deepEqual(told(), ['m x3'])
    assert.deepEqual(
      [written()[0]?.firstTimestamp, written()[0]?.lastTimestamp],
      ['2026-01-01T00:00:00Z', '2026-01-01T00:00:02Z'],
    )
  })

  test('another message, reason, type or Service is another Event', async () => {
    tell('m')
    tell('n')
    tell('m', { reason: 'Other' })
    tell('m', { type: 'Normal' })
    tell('m', { name: 'api' })
    await all()
    assert.equal(written().length, 5)
    assert.equal(new Set(written().map(({ metadata }) => metadata.name)).size, 5)
  })

  test('from the tenth message under one reason within ten minutes on, one stands for all', async () => {
    for (let count = 1; count <= 12; count += 1) tell(`m${count}`)
    await all()
    assert.deepEqual(told().slice(8), ['m9 x1', '(combined from similar events): m12 x3'])
    clock.advance(600_001)
    tell('m13')
    await all()
    assert.equal(told().at(-1), 'm13 x1')
  })

  test('a Service gets 25 at once, then one every five minutes; others are not affected', async () => {
    for (let count = 0; count < 40; count += 1) tell('m')
    await all()
    assert.deepEqual(told(), ['m x25'])
    tell('m', { name: 'api' })
    clock.advance(300_000)
    tell('m')
    tell('m')
    await all()
    assert.deepEqual(told(), ['m x26', 'm x1'])
  })

  test('an Event that the API server has forgotten begins anew', async () => {
    tell('m')
    await all()
    server.remove(PATH, 'ns', written()[0]?.metadata.name ?? '')
    tell('m')
    await all()
    assert.deepEqual(told(), ['m x2'])
  })
})

suite('failures', () => {
  test('a refusal is logged once and the next Event goes out', async () => {
    server.fault(() => true, refuse(403, 'Forbidden'))
    tell('m')
    tell('n')
    await all()
    assert.deepEqual(told(), ['n x1'])
    assert.equal(log.lines.length, 1)
    assert.match(log.lines[0] ?? '', /^warn: An Event could not be written: .*forbids create of events/)
  })

  test('an API server that cannot be reached is tried again, twelve times', async () => {
    server.fault(() => true, refuse(503), 11)
    tell('m')
    await eventually(() => {
      clock.advance(10_000)
      return told().length === 1
    })
    assert.deepEqual([server.requests.length, log.lines], [12, []])
  })

  test('the queue is bounded, and what is dropped is logged once', async () => {
    server.fault(
      () => true,
      () => undefined,
    )
    for (let count = 0; count < 10_100; count += 1) tell(`m${count}`)
    assert.deepEqual(log.lines, ['warn: Events are dropped: too many wait for the API server'])
    const closed = recorder.close()
    clock.advance(3000)
    await closed
  })
})
