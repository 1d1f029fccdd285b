/** What Services bear from before an upgrade: who holds what, what shows it, and that nothing of it is written again. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { formatRecord, parseRecord, recordOf } from '../../../src/desired/record.ts'
import type { ServiceObject } from '../../../src/kube/objects.ts'
import { keepService } from '../../../src/kube/resources.ts'
import { ourFinalizer } from '../../../src/operator/ours.ts'
import { ALL_CAPABILITIES, held, type ServiceWishes, service } from '../../support/builders.ts'
import { createWorld } from '../../support/operator-world.ts'
import { readFixture, readFixtureJson } from './fixtures.ts'

const PORTS = ['80', '443']
const HOSTS = { hosts: 'a.example,*.b.example' }

interface Case {
  /** Whether its class stands for a cloud controller. */
  readonly standing: boolean
  /** As its user made it. */
  readonly bare: ServiceWishes
  readonly record: ReturnType<typeof held>
  readonly finalizer: string
  readonly ingress: readonly object[]
  readonly annotation: string | undefined
}

const CASES: Readonly<Record<string, Case>> = {
  'load-balancer': {
    standing: false,
    bare: { ports: PORTS, annotations: HOSTS },
    record: held('80/TCP=*.b.example,a.example 443/TCP=*.b.example,a.example', '203.0.113.10'),
    finalizer: 'fairway.dev/cleanup',
    ingress: [{ ip: '203.0.113.10', hostname: undefined, ipMode: 'Proxy', ports: [] }],
    annotation: undefined,
  },
  standing: {
    standing: true,
    bare: { ports: PORTS },
    record: held('80/TCP 443/TCP', '203.0.113.10'),
    finalizer: 'service.kubernetes.io/load-balancer-cleanup',
    ingress: [{ ip: '203.0.113.10', hostname: undefined, ipMode: 'Proxy', ports: [] }],
    annotation: undefined,
  },
  'node-port': {
    standing: false,
    bare: { type: 'NodePort', ports: ['53/UDP'], annotations: { class: 'public' } },
    record: held('53/UDP', '203.0.113.10'),
    finalizer: 'fairway.dev/cleanup',
    ingress: [],
    annotation: '203.0.113.10',
  },
}

async function fixture(name: string): Promise<ServiceObject> {
  const kept = keepService(await readFixtureJson(`service/${name}.json`))
  assert.ok(kept)
  return kept
}

/** What of a Service we write. */
function shownBy({ metadata, status }: ServiceObject): object {
  const { annotations, finalizers } = metadata
  const { conditions, loadBalancer } = status
  const ingress = loadBalancer.ingress.map(({ ip, hostname, ipMode, ports }) => ({ ip, hostname, ipMode, ports }))
  return { annotations, finalizers, conditions, ingress }
}

for (const [name, { standing, bare, record, finalizer, ingress, annotation }] of Object.entries(CASES)) {
  describe(name, () => {
    test('is read', async () => {
      const found = await fixture(name)
      assert.deepEqual(recordOf(found), record)
      assert.equal(ourFinalizer(found), finalizer)
      assert.deepEqual(found.status.loadBalancer.ingress, ingress)
      assert.equal(found.metadata.annotations['fairway.dev/external-address'], annotation)
      const conditions = found.status.conditions.map(({ type, status, reason }) => `${type} ${status} ${reason}`)
      assert.deepEqual(conditions, ['fairway.dev/Allocated True Allocated', 'fairway.dev/Programmed True Served'])
    })

    test('keeps what it has, and nothing of it changes', async () => {
      const world = createWorld({ standing, proxies: [ALL_CAPABILITIES] })
      world.put(await fixture(name))
      await world.pass()
      assert.deepEqual(shownBy(world.get('team-a/web')), shownBy(await fixture(name)))
      assert.deepEqual(world.told, [])
      // It would be first, were it not for what is held.
      world.put(service('team-a/rival', { ...bare, meta: { creationTimestamp: '2020-01-01T00:00:00Z' } }))
      await world.pass()
      assert.deepEqual(shownBy(world.get('team-a/web')), shownBy(await fixture(name)))
    })

    test('is what is written', async () => {
      const world = createWorld({ standing, proxies: [ALL_CAPABILITIES] })
      const expected = await fixture(name)
      world.put(service('team-a/web', { ...bare, meta: { uid: expected.metadata.uid } }))
      await world.pass()
      assert.deepEqual(shownBy(world.get('team-a/web')), shownBy(expected))
    })
  })
}

test('every form of a record', async () => {
  const records = [
    held('443/TCP', '203.0.113.10'),
    held('443/TCP 53/UDP', '2001:db8::1', '203.0.113.10'),
    held('', '203.0.113.10'),
    held('80/TCP 443/TCP=a.example,*.b.example', '203.0.113.10'),
    { ...held('443/TCP', '203.0.113.10', '198.51.100.1', '2001:db8::1'), className: 'internal-2' },
  ]
  const lines = (await readFixture('service/records.txt')).trimEnd().split('\n')
  assert.deepEqual(lines.map(parseRecord), records)
  assert.deepEqual(records.map(formatRecord), lines)
})
