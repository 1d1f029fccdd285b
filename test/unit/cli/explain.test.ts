import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { NodeObject } from '../../../src/kube/objects.ts'
import { explainService, suggestService } from '../../../src/report/explain.ts'
import { explainLines } from '../../../src/report/explain-lines.ts'
import { endpoint, node, service, slice } from '../../support/builders.ts'
import { away, CONFIG, settledWorld, surveyOf, textOf } from './rig.ts'

const EXCLUDE = 'node.kubernetes.io/exclude-from-external-load-balancers'

function inZone(name: string, last: number): NodeObject {
  return node(name, [`InternalIP 10.0.0.${last}`], { labels: { zone: 'a' } })
}

async function explain(name: string, world: Awaited<ReturnType<typeof settledWorld>>, scene = {}) {
  const found = explainService(await surveyOf(world, scene), name)
  assert.ok(found, `no Service ${name}`)
  return found
}

describe('explain service', () => {
  test('tells the whole story of one Service', async () => {
    const world = await settledWorld([
      service('team-a/web', { ports: ['80', '443'] }),
      service('mail', { ports: ['25'] }),
    ])
    const n3 = node('n3', ['InternalIP 10.0.0.3'], { ready: 'False' })
    assert.equal(
      textOf(explainLines(await explain('team-a/web', world, { nodes: [...world.nodes, n3] }))),
      `
Service team-a/web
  class public: it names none, and this one is the default for type LoadBalancer

Addresses
  ADDRESS       POOL  WHY                                                 SHARED WITH
  203.0.113.10  main  recorded on the Service since 2026-01-01T00:00:00Z  default/mail

Ports
  PORT     GIVEN  LEADS TO
  80/TCP   yes    node port 30080
  443/TCP  yes    node port 30443

Nodes
  NODE  TRAFFIC  ADDRESS   WHY
  n1    in       10.0.0.1  it is ready
  n2    in       10.0.0.2  it is ready
  n3    out      10.0.0.3  it is not ready → kubectl describe node n3

Proxies
  PROXY   SERVES  FRONTENDS                                 ENDPOINT
  edge-1  yes     tcp/203.0.113.10:80 tcp/203.0.113.10:443  caddy https://10.1.0.100:2021
  The operator says that it is served since 2026-01-01T00:00:00Z.
`,
    )
  })

  const nodes: readonly (readonly [what: string, node: NodeObject, verdict: string])[] = [
    ['ready', node('n9', ['InternalIP 10.0.0.9']), 'in: it is ready'],
    [
      'cordoned',
      node('n9', ['InternalIP 10.0.0.9'], { unschedulable: true }),
      'in: it is cordoned: no new connections where the proxy can drain → kubectl uncordon n9',
    ],
    [
      'being deleted',
      node('n9', ['InternalIP 10.0.0.9'], { deletionTimestamp: '2026-01-01T00:00:00Z' }),
      'in: it is about to leave: no new connections where the proxy can drain',
    ],
    [
      'excluded by label',
      node('n9', ['InternalIP 10.0.0.9'], { labels: { [EXCLUDE]: '' } }),
      `out: its label ${EXCLUDE} excludes it → kubectl label node n9 ${EXCLUDE}-`,
    ],
    [
      'not ready',
      node('n9', ['InternalIP 10.0.0.9'], { ready: 'Unknown' }),
      'out: it is not ready → kubectl describe node n9',
    ],
    [
      'without an address of the family',
      node('n9', ['InternalIP fd00::9', 'Hostname n9']),
      'out: it has no ExternalIP or InternalIP of IPv4 that may be a target → Look at its addresses (kubectl get node -o wide) and at nodes.addressTypes of the class; addresses of pools and proxies are no targets',
    ],
    [
      'at an address of a pool',
      node('n9', ['InternalIP 203.0.113.11']),
      'out: it has no ExternalIP or InternalIP of IPv4 that may be a target → Look at its addresses (kubectl get node -o wide) and at nodes.addressTypes of the class; addresses of pools and proxies are no targets',
    ],
    [
      'at the address of another',
      node('n9', ['InternalIP 10.0.0.1']),
      'out: it has the address of n1 → Give each node an address of its own',
    ],
  ]
  for (const [what, odd, verdict] of nodes) {
    test(`a node that is ${what}`, async () => {
      const world = await settledWorld([service('web')])
      const found = await explain('default/web', world, { nodes: [...world.nodes, odd] })
      const one = found.nodes.find((other) => other.node === 'n9')
      const remedy = one?.remedy === undefined ? '' : ` → ${one.remedy}`
      assert.equal(`${one?.takesTraffic === true ? 'in' : 'out'}: ${one?.why}${remedy}`, verdict)
    })
  }

  test('under externalTrafficPolicy Local a node needs an endpoint', async () => {
    const web = service('web', { spec: { externalTrafficPolicy: 'Local' } })
    const world = await settledWorld([web])
    const found = await explain('default/web', world, { slices: [slice(web, [endpoint('n2', { ready: true })])] })
    assert.deepEqual(
      found.nodes.map((one) => `${one.node} ${one.takesTraffic}: ${one.why}`),
      ['n1 false: it has no ready endpoint of the Service', 'n2 true: it is ready and has a ready endpoint'],
    )
  })

  test('by its selector and by maxTargets', async () => {
    const world = await settledWorld([service('web', { annotations: { 'node-selector': 'zone=a' } })])
    const [first] = CONFIG.classes
    const config = { ...CONFIG, classes: [{ ...first, nodes: { maxTargets: 1 } }] }
    const found = await explain('default/web', world, {
      config,
      nodes: [...world.nodes, inZone('n3', 3), inZone('n4', 4)],
    })
    const whys = found.nodes.map(({ why }) => why)
    assert.deepEqual(whys.slice(0, 2), ['the node selector leaves it out', 'the node selector leaves it out'])
    assert.deepEqual(whys.slice(2).toSorted(), [
      'it is ready',
      'nodes.maxTargets of the class is 1, and others were chosen',
    ])
  })

  const strangers: readonly (readonly [
    what: string,
    spec: object,
    annotations: Record<string, string>,
    why: RegExp,
  ])[] = [
    ['of another class', { loadBalancerClass: 'example.com/lb' }, {}, /another controller's/],
    [
      'of type ClusterIP',
      { type: 'ClusterIP' },
      {},
      /of type ClusterIP and names no class.*kubectl annotate service -n default web fairway\.dev\/class=CLASS/,
    ],
    ['with a class that is misspelt', {}, { class: 'publik' }, /^It asks for Fairway in a way that cannot be served$/],
  ]
  for (const [what, spec, annotations, why] of strangers) {
    test(`a Service ${what} is not served, and told what to do`, async () => {
      const world = await settledWorld([service('web', { spec, annotations })])
      const found = await explain('default/web', world)
      assert.equal(found.class, undefined)
      assert.match(found.why, why)
    })
  }

  test('why each address', async () => {
    const world = await settledWorld([service('web')])
    world.put(
      service('new', { ports: ['81'] }),
      service('asks', { ports: ['82'], annotations: { address: '203.0.113.12' } }),
    )
    const why = async (name: string) =>
      (await explain(name, world)).addresses.map((one) => `${one.address}: ${one.why}`)
    assert.deepEqual(await why('default/new'), ['203.0.113.10: the first of pool main that has its ports free'])
    assert.deepEqual(await why('default/asks'), ['203.0.113.12: the Service asks for it'])
    await world.pass()
    assert.deepEqual(await why('default/asks'), [
      '203.0.113.12: recorded on the Service since 2026-01-01T00:00:00Z; the Service asks for it',
    ])
  })

  test('a proxy that is away is the Service’s problem too, and problems come before the rest', async () => {
    const world = await settledWorld([service('web')])
    for (const proxy of world.proxies) proxy.broken = away()
    const found = await explain('default/web', world)
    assert.deepEqual(
      found.problems.map(({ about, code }) => `${about} ${code}`),
      ['proxy edge-1 ProxyUnreachable'],
    )
    assert.deepEqual(
      found.proxies.map(({ serving }) => serving),
      ['unknown'],
    )
    const text = textOf(explainLines(found))
    assert.ok(text.indexOf('Problems: 1') < text.indexOf('Addresses'))
  })

  test('a name that is not there', async () => {
    const world = await settledWorld([service('team-a/web')])
    const survey = await surveyOf(world)
    assert.equal(explainService(survey, 'team-a/wbe'), undefined)
    assert.equal(suggestService(survey, 'team-a/wbe'), ' (did you mean "team-a/web"?)')
  })
})
