import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  createDesirer,
  createSelector,
  type Desired,
  desireClass,
  selectServices,
} from '../../../src/desired/desire.ts'
import type { ClassSpec } from '../../../src/desired/spec.ts'
import type { ServiceObject } from '../../../src/kube/objects.ts'
import {
  classSpec,
  createdAt,
  endpoint,
  held,
  node,
  PUBLIC,
  pod,
  rangeOf,
  type ServiceWishes,
  service,
  slice,
} from '../../support/builders.ts'
import { type Scene, stateOf } from '../../support/histories.ts'

const NODES = [node('n1', ['InternalIP 10.0.0.1']), node('n2', ['InternalIP 10.0.0.2'])]
const scene = (services: readonly ServiceObject[], wishes: Partial<Scene> = {}): Scene => ({
  services,
  nodes: NODES,
  slices: [],
  ...wishes,
})

/** What a class desires in one scene after the other. */
function desireAll(scenes: readonly Scene[], spec: Partial<ClassSpec> = {}): readonly Desired[] {
  const select = createSelector([PUBLIC])
  const desire = createDesirer(classSpec(spec))
  return scenes.map((one) => desire(select(one.services), stateOf(one)))
}

/** All that others see of it. */
function seen({ table, problems, fixedProblems, held: kept, nodeGroups }: Desired): object {
  return { table, problems, fixedProblems, kept, nodeGroups }
}

const LOCAL = { externalTrafficPolicy: 'Local' } as const
const POOL = '203.0.113.10'
const web = (wishes: ServiceWishes = {}) => service('web', { record: held('443/TCP', POOL), ...wishes })
const local = web({ spec: LOCAL })
const mail = (wishes: ServiceWishes = {}) => service('mail', { ports: ['25'], ...wishes })
const podded = web({ annotations: { targets: 'pods' } })
const HTTPS = { ports: [{ name: '', protocol: 'TCP', port: 8_443 } as const] }
const podsAt = (...addresses: readonly string[]) =>
  slice(
    podded,
    addresses.map((address) => pod(address)),
    HTTPS,
  )
const NOT_ALL_READY = [
  slice(podded, [pod('10.244.0.1'), { ...pod('10.244.0.2', { ready: false }), nodeName: 'n2' }], HTTPS),
]
const PODS: Partial<ClassSpec> = { podRanges: [rangeOf('10.244.0.0/16')] }
const FIXED: ClassSpec['fixed'][number] = {
  name: 'api',
  addresses: ['203.0.113.12'],
  port: 6_443,
  protocol: 'TCP',
  targetPort: 6_443,
  targets: { kind: 'service', namespace: 'default', name: 'web' },
  sourceRanges: [],
  settings: {},
}

describe('what has changed is seen', () => {
  const cases: Readonly<Record<string, readonly [before: Scene, after: Scene, spec?: Partial<ClassSpec>]>> = {
    'a setting': [scene([web()]), scene([web({ annotations: { balance: 'random' } })])],
    'a node under another name': [
      scene([web()]),
      scene([web()], { nodes: [node('n3', ['InternalIP 10.0.0.1']), ...NODES.slice(1)] }),
    ],
    'a node that is cordoned': [
      scene([web()]),
      scene([web()], { nodes: [node('n1', ['InternalIP 10.0.0.1'], { unschedulable: true }), ...NODES.slice(1)] }),
    ],
    'no node at all': [scene([web()]), scene([web()], { nodes: [] })],
    'a node, under externalTrafficPolicy Local': [
      scene([local], { slices: [slice(local, [endpoint('n1')])] }),
      scene([local], { slices: [slice(local, [endpoint('n1')])], nodes: NODES.slice(1) }),
    ],
    'endpoints, under externalTrafficPolicy Local': [
      scene([local], { slices: [slice(local, [endpoint('n1')])] }),
      scene([local], { slices: [slice(local, [endpoint('n2')])] }),
    ],
    'endpoints that are published before they are ready': [
      scene([local], { slices: NOT_ALL_READY }),
      scene([web({ spec: { ...LOCAL, publishNotReadyAddresses: true } })], { slices: NOT_ALL_READY }),
    ],
    pods: [
      scene([podded], { slices: [podsAt('10.244.0.1')] }),
      scene([podded], { slices: [podsAt('10.244.0.2')] }),
      PODS,
    ],
    'the port of pods': [
      scene([podded], { slices: [podsAt('10.244.0.1')] }),
      scene([podded], { slices: [{ ...podsAt('10.244.0.1'), ports: [{ name: '', protocol: 'TCP', port: 9_443 }] }] }),
      PODS,
    ],
    'pods that may be no target': [
      scene([podded], { slices: [podsAt('10.244.0.1')] }),
      scene([podded], { slices: [podsAt('10.244.0.1', '192.0.2.1')] }),
      PODS,
    ],
    'pods that are published before they are ready': [
      scene([podded], { slices: NOT_ALL_READY }),
      scene([{ ...podded, spec: { ...podded.spec, publishNotReadyAddresses: true } }], { slices: NOT_ALL_READY }),
      PODS,
    ],
    'one port to pods behind one to nodes': [
      scene([web()]),
      scene([web({ ports: ['443', { protocol: 'TCP', port: 80 }] })]),
      PODS,
    ],
    'endpoints that a frontend of the configuration leads to': [
      scene([web()], { slices: [podsAt('10.244.0.1')] }),
      scene([web()], { slices: [podsAt('10.244.0.2')] }),
      { fixed: [FIXED] },
    ],
    'those of them that may be no target': [
      scene([web()], { slices: [podsAt('10.244.0.1')] }),
      scene([web()], { slices: [podsAt('10.244.0.1', '127.0.0.1')] }),
      { fixed: [FIXED] },
    ],
    'the nodes that a frontend of the configuration leads to': [
      scene([]),
      scene([], { nodes: NODES.slice(1) }),
      { fixed: [{ ...FIXED, targets: { kind: 'nodes', selector: '' } }] },
    ],
  }
  for (const [what, [before, after, spec = {}]] of Object.entries(cases)) {
    test(what, () => {
      const [first, second] = desireAll([before, after], spec).map(seen)
      const alone = desireClass(classSpec(spec), selectServices(after.services, [PUBLIC]), stateOf(after))
      assert.deepEqual(second, seen(alone))
      assert.notDeepEqual(second, first, 'nothing to be seen')
    })
  }
})

const given = (scenes: readonly Scene[]) =>
  desireAll(scenes).map(({ placements }) =>
    placements.map(({ demand, addresses, ports }) =>
      [demand.service.metadata.name, ...addresses, ...ports.map(({ text }) => text)].join(' '),
    ),
  )
const other = service('other', { record: held('443/TCP', '203.0.113.11'), meta: createdAt(9) })
const asking = (address: string) => service('asking', { ports: ['80'], annotations: { address }, meta: createdAt(9) })

describe('what one Service has bears on the others', () => {
  test('its address', () => {
    const moved = web({ record: held('443/TCP', '203.0.113.11') })
    const [, after] = given([scene([other, web()]), scene([other, moved])])
    assert.deepEqual(after, ['other 203.0.113.11', 'web 203.0.113.11 443/TCP'])
  })

  test('its ports', () => {
    const [before, after] = given([
      scene([
        service('other', { record: held('443/TCP', POOL), meta: createdAt(9) }),
        web({ ports: ['80'], record: held('80/TCP', POOL) }),
      ]),
      scene([service('other', { record: held('443/TCP', POOL), meta: createdAt(9) }), web()]),
    ])
    assert.deepEqual(before, [`other ${POOL} 443/TCP`, `web ${POOL} 80/TCP`])
    assert.deepEqual(after, [`other ${POOL}`, `web ${POOL} 443/TCP`])
  })

  test('whether it shares', () => {
    const asks = asking(POOL)
    const [before, after] = given([scene([asks, web()]), scene([asks, web({ annotations: { sharing: 'dedicated' } })])])
    assert.deepEqual(before, [`asking ${POOL} 80/TCP`, `web ${POOL} 443/TCP`])
    assert.deepEqual(after, ['asking', `web ${POOL} 443/TCP`])
  })

  test('what it asks for no more', () => {
    const asks = asking('203.0.113.11')
    const both = { ports: ['443', '80'], record: held('443/TCP 80/TCP', POOL) }
    const [before, after] = given([
      scene([asks, web({ ...both, annotations: { address: '203.0.113.11' } })]),
      scene([asks, web(both)]),
    ])
    assert.deepEqual(before, ['asking', 'web 203.0.113.11 443/TCP 80/TCP'])
    assert.deepEqual(after, ['asking 203.0.113.11 80/TCP', `web ${POOL} 443/TCP 80/TCP`])
  })

  test('that it is gone', () => {
    const waiting = service('waiting', { annotations: { address: POOL }, meta: createdAt(9) })
    assert.deepEqual(given([scene([waiting, web()]), scene([waiting])])[1], [`waiting ${POOL} 443/TCP`])
  })
})

describe('what has not changed is the same object', () => {
  const first = scene([mail({ record: held('25/TCP', POOL) }), web()])

  test('all of the table, where nothing has', () => {
    const again = scene(first.services, { nodes: structuredClone(NODES) })
    const [before, after] = desireAll([first, again])
    assert.equal(after?.table, before?.table)
  })

  test('the frontends of other Services', () => {
    const [before, after] = desireAll([
      first,
      scene([...first.services.slice(0, 1), web({ annotations: { balance: 'random' } })]),
    ])
    const [smtp, https] = before?.table.frontends ?? []
    const [newSmtp, newHttps] = after?.table.frontends ?? []
    assert.equal(newSmtp, smtp)
    assert.notEqual(newHttps, https)
    assert.equal(after?.table.groups, before?.table.groups)
  })

  test('the frontends, where a node is gone', () => {
    const [before, after] = desireAll([first, scene(first.services, { nodes: NODES.slice(1) })])
    assert.equal(after?.table.frontends, before?.table.frontends)
    assert.notEqual(after?.table.groups, before?.table.groups)
  })
})
