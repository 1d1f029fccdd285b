/** Broken set-ups, and what `fairway doctor` says of each: the cause, and what to do. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ServiceObject } from '../../../src/kube/objects.ts'
import { PROGRAMMED_CONDITION } from '../../../src/model/names.ts'
import type { Problem } from '../../../src/model/problems.ts'
import { doctorLines, examine, type Finding, reportDoctor } from '../../../src/report/doctor.ts'
import { describeRivals, findOverwritten } from '../../../src/report/rivals.ts'
import { createdAt, node, service } from '../../support/builders.ts'
import type { World } from '../../support/operator-world.ts'
import { away, CONFIG, settledWorld, surveyOf, textOf } from './rig.ts'

const [PUBLIC] = CONFIG.classes

/** What fails, as `about CODE: remedy`. */
function failures(findings: readonly Finding[]): readonly string[] {
  return findings.flatMap(({ state, about, code, remedy }) => (state === 'fail' ? `${about} ${code}: ${remedy}` : []))
}

interface Broken {
  readonly what: string
  readonly services?: readonly ServiceObject[]
  readonly config?: object
  readonly breaks?: (world: World) => void
  readonly says: readonly string[]
}

const LAYER4: Problem = {
  code: 'ProxyLayer4Missing',
  kind: 'terminal',
  message: 'Caddy on proxy edge-1 has no layer4 app',
  remedy: 'Build Caddy with github.com/mholt/caddy-l4',
}

const SETUPS: readonly Broken[] = [
  {
    what: 'a proxy that is away',
    breaks: ({ proxies }) => void (proxies[0] && (proxies[0].broken = away())),
    says: ['proxy edge-1 ProxyUnreachable: Check that Caddy runs'],
  },
  {
    what: 'a token that the proxy does not take',
    breaks: ({ proxies }) => void (proxies[0] && (proxies[0].broken = away('ProxyUnauthorized'))),
    says: ['proxy edge-1 ProxyUnauthorized: Check that Caddy runs'],
  },
  {
    what: 'Caddy without layer4',
    breaks: ({ proxies }) => void (proxies[0] && (proxies[0].broken = LAYER4)),
    says: ['proxy edge-1 ProxyLayer4Missing: Build Caddy with github.com/mholt/caddy-l4'],
  },
  {
    what: 'a program behind the edge that cannot be brought to its table',
    services: [service('web')],
    breaks: ({ proxies }) => void (proxies[0] && (proxies[0].trouble = { ...LAYER4, code: 'ProxyRejected' })),
    says: ['proxy edge-1 ProxyRejected: Build Caddy with github.com/mholt/caddy-l4'],
  },
  {
    what: 'a class that is misspelt',
    services: [service('web', { annotations: { class: 'publik' } })],
    says: ['Service default/web ClassUnknown: Use one of: public'],
  },
  {
    what: 'a class that the namespace may not use',
    services: [service('web')],
    config: { ...CONFIG, classes: [{ ...PUBLIC, namespaces: { allow: ['team-a'] } }] },
    says: [
      'Service default/web ClassForbidden: Ask whoever runs Fairway to add the namespace to namespaces.allow of the class',
    ],
  },
  {
    what: 'two classes on one Service',
    services: [service('web', { annotations: { class: 'public' }, spec: { loadBalancerClass: 'fairway.dev/other' } })],
    says: [
      'Service default/web ClassConflict: Remove the annotation fairway.dev/class, or create the Service anew with one loadBalancerClass',
    ],
  },
  {
    what: 'a Service of a type that has no node ports',
    services: [service('web', { type: 'ClusterIP', annotations: { class: 'public' } })],
    says: [
      'Service default/web TypeUnsupported: Set spec.type to LoadBalancer or NodePort, or remove its Fairway class',
    ],
  },
  {
    what: 'a pool that is exhausted',
    services: ['a', 'b', 'c', 'd'].map((name, at) => service(name, { meta: createdAt(at) })),
    says: ['Service default/d PoolExhausted: Add addresses to a pool of the class, or free the port'],
  },
  {
    what: 'a pool that is not there',
    services: [service('web', { annotations: { pool: 'mian' } })],
    says: ['Service default/web PoolUnknown: Use one of: main'],
  },
  {
    what: 'an address outside the pools',
    services: [service('web', { annotations: { address: '198.51.100.1' } })],
    says: ['Service default/web AddressOutsidePools: Use one of: 203.0.113.10-203.0.113.12 (pool main)'],
  },
  {
    what: 'a port that another Service has on the address',
    services: [
      service('first', { meta: createdAt(1), annotations: { address: '203.0.113.10' } }),
      service('second', { meta: createdAt(2), annotations: { address: '203.0.113.10' } }),
    ],
    says: ['Service default/second PortTaken: Choose another port or another address'],
  },
  {
    what: 'a port that the class never gives',
    services: [service('ssh', { ports: ['22'] })],
    config: { ...CONFIG, classes: [{ ...PUBLIC, ports: { deny: [22] } }] },
    says: ['Service default/ssh PortDenied: '],
  },
  {
    what: 'an annotation that is misspelt',
    services: [service('web', { annotations: { 'proxy-protocoll': 'v2' } })],
    says: ['Service default/web AnnotationUnknown: Correct or remove it'],
  },
  {
    what: 'an annotation with a value that is none',
    services: [service('web', { annotations: { balance: 'fastest' } })],
    says: ['Service default/web AnnotationInvalid: Set it to'],
  },
  {
    what: 'a wish that the proxy cannot do',
    services: [service('web', { annotations: { 'max-connections': '10' } })],
    says: ['Service default/web Unsupported: '],
  },
  {
    what: 'a family that no pool has',
    services: [service('web', { spec: { ipFamilies: ['IPv6'] } })],
    says: ['Service default/web FamilyUnavailable: Add a range to a pool, or set fairway.dev/families'],
  },
  {
    what: 'a quota that is used up',
    services: [service('web', { ports: ['80', '443'] })],
    config: { ...CONFIG, classes: [{ ...PUBLIC, namespaces: { quota: { default: 1 } } }] },
    says: ['Service default/web QuotaExceeded: '],
  },
  {
    what: 'no node that takes traffic',
    services: [service('web')],
    breaks: (world) => void (world.nodes = [node('n1', ['Hostname n1'])]),
    says: ['Service default/web NoTargets: Check that nodes are ready, and have an address of the wanted type'],
  },
  {
    what: 'an address that sshd has, as the proxy says',
    services: [service('web', { ports: ['22'] })],
    breaks: ({ proxies }) =>
      void (
        proxies[0] &&
        (proxies[0].refused = [
          { key: 'tcp/203.0.113.10:22', problem: { ...LAYER4, code: 'PortTaken', remedy: 'Stop sshd there' } },
        ])
      ),
    says: ['Service default/web PortTaken: Stop sshd there'],
  },
]

describe('doctor', () => {
  for (const { what, services = [], config = CONFIG, breaks, says } of SETUPS) {
    test(`${what}: cause and remedy`, async () => {
      const world = await settledWorld(breaks === undefined ? [] : services)
      world.put(...services.filter((one) => !world.services.has(`default/${one.metadata.name}`)))
      breaks?.(world)
      const found = failures(examine(await surveyOf(world, { config })))
      assert.equal(found.length, says.length, found.join('\n'))
      for (const [at, start] of says.entries()) assert.ok(found[at]?.startsWith(start), `${found[at]} is not ${start}`)
    })
  }

  test('what only the operator can know, as that its proxy lacks something, is told in its words', async () => {
    const world = await settledWorld([service('web')])
    const web = world.get('default/web')
    const conditions = web.status.conditions.map((one) =>
      one.type === PROGRAMMED_CONDITION
        ? {
            ...one,
            status: 'False' as const,
            reason: 'ProxyLayer4Missing',
            message: 'Served by 0 of 1 proxies. No layer4',
          }
        : one,
    )
    world.put({ ...web, status: { ...web.status, conditions } })
    const found = examine(await surveyOf(world)).find(({ state }) => state === 'fail')
    assert.equal(`${found?.about} ${found?.code}`, 'Service default/web ProxyLayer4Missing')
    assert.equal(found?.message, 'The operator says since 2026-01-01T00:00:00Z: Served by 0 of 1 proxies. No layer4')
  })

  test('another controller that fights over a Service is named', async () => {
    const world = await settledWorld([service('web'), service('mail', { ports: ['25'] })])
    const web = world.get('default/web')
    world.put({ ...web, status: { ...web.status, loadBalancer: { ingress: [{ ip: '10.0.0.1', ports: [] }] } } })
    const found = findOverwritten(await surveyOf(world))
    assert.deepEqual(
      found.map(({ metadata }) => metadata.name),
      ['web'],
    )
    const problem = found[0] && describeRivals(found[0], ['klipper-lb'])
    assert.equal(problem?.message, 'The status of Service default/web shows 10.0.0.1, written by klipper-lb')
    assert.match(problem?.remedy ?? '', /^Keep the other controller off it/)
  })

  test('the machine of a Caddy is looked at where it is this one', async () => {
    const world = await settledWorld([service('web')])
    const survey = await surveyOf(world)
    const here = survey.classes.flatMap(({ proxies }) => proxies.map(({ url }) => url))
    const said = (problem: Problem | undefined) =>
      examine(survey, { machines: new Map(here.map((url) => [url, problem])), lacking: new Map() })
        .filter(({ about }) => about === 'proxy edge-1')
        .map(({ state, message }) => `${state} ${message}`)
    assert.match(said(undefined)[1] ?? '', /^ok its machine hands waiting connections on/)
    const off = { code: 'Unsupported', kind: 'terminal', message: 'it is off', remedy: 'Set it' } as const
    assert.equal(said(off)[1], 'note it is off')
  })

  test('a set-up that is well has no failure, and a hint for Caddy', async () => {
    const world = await settledWorld([service('web')])
    const report = reportDoctor(examine(await surveyOf(world)))
    assert.equal(report.healthy, true)
    assert.equal(
      textOf(doctorLines(report)),
      `
! proxies: proxy edge-1
  when Caddy changes a listener, connections that it has not accepted yet may be reset
  → Set net.ipv4.tcp_migrate_req=1 on its machine, as deploy/caddy/99-fairway.conf does

   CHECK     ABOUT                      FOUND
✓  proxies   proxy edge-1               class public reaches it at caddy https://10.1.0.100:2021: TCP with PROXY v1 and v2, checks by tcp; UDP with PROXY v2, idle timeouts
✓  pools     pool main of class public  1 of 3 addresses are given
✓  services  1 Service                  none has a problem

Nothing fails.
`,
    )
  })
})
