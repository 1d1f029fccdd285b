import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { planExit, planLines, reportPlan } from '../../../src/report/plan.ts'
import { node, service } from '../../support/builders.ts'
import { createWorld } from '../../support/operator-world.ts'
import { away, settledWorld, surveyOf, textOf } from './rig.ts'

describe('plan', () => {
  test('a cluster that is served has nothing to do', async () => {
    const world = await settledWorld([service('web'), service('mail', { ports: ['25'] })])
    const report = reportPlan(await surveyOf(world))
    assert.equal(
      textOf(planLines(report)),
      `
Proxy edge-1 of class public (caddy https://10.1.0.100:2021)
  nothing to do

Nothing to do.
`,
    )
    assert.equal(planExit(report), 0)
  })

  test('says what comes, changes and goes, for the proxy and for each Service', async () => {
    const world = await settledWorld([service('web'), service('mail', { ports: ['25'] })])
    const gone = world.get('default/mail')
    world.put(
      { ...gone, metadata: { ...gone.metadata, deletionTimestamp: '2026-02-01T00:00:00Z' } },
      service('dns', { ports: ['53/UDP'] }),
    )
    world.nodes = [...world.nodes, node('n3', ['InternalIP 10.0.0.3'])]
    const report = reportPlan(await surveyOf(world))
    assert.equal(
      textOf(planLines(report)),
      `
Proxy edge-1 of class public (caddy https://10.1.0.100:2021)
  - tcp/203.0.113.10:25
  ~ tcp/203.0.113.10:443  default/web targets +10.0.0.3
  + udp/203.0.113.10:53  default/dns → 3 targets :30053

Services
  ~ default/dns
      condition Allocated: True, 203.0.113.10 for ports 53/UDP of class public
      gets finalizer service.kubernetes.io/load-balancer-cleanup
      condition Programmed: True, Served by 1 of 1 proxies: edge-1
      shows 203.0.113.10
  ~ default/mail
      condition Allocated goes
      condition Programmed goes
      shows no address any more
      loses finalizer service.kubernetes.io/load-balancer-cleanup

Frontends: 1 to add, 1 to change, 1 to remove. 2 Services to write.
`,
    )
    assert.equal(planExit(report), 2)
  })

  test('writes nothing, and the next pass does what it says', async () => {
    const world = createWorld({ standing: true })
    world.put(service('web'), service('mail', { ports: ['25', '465'] }))
    const report = reportPlan(await surveyOf(world))
    assert.deepEqual([world.writes, world.proxies[0]?.writes], [[], 0])
    await world.pass()
    const planned = report.proxies.flatMap(({ actions }) => actions.map(({ frontend }) => frontend))
    assert.deepEqual(
      world.proxies[0]?.table.frontends.map(({ port }) => `tcp/203.0.113.10:${port}`),
      planned,
    )
    assert.deepEqual(
      report.services.map((one) => one.service),
      [...new Set(world.writes)].toSorted(),
    )
  })

  test('a proxy that is away leaves the rest to be told, and what Services would hear of it unsaid', async () => {
    const world = await settledWorld([service('web')])
    for (const proxy of world.proxies) proxy.broken = away()
    const report = reportPlan(await surveyOf(world))
    assert.equal(
      textOf(planLines(report)),
      `
Problems: 1
  proxy edge-1: ProxyUnreachable
    proxy edge-1 at https://10.1.0.100:2021 cannot be reached: connection refused
    → Check that Caddy runs

Proxy edge-1 of class public (caddy https://10.1.0.100:2021)
  unknown: proxy edge-1 at https://10.1.0.100:2021 cannot be reached: connection refused

Nothing to do. Not all proxies could be read: there may be more.
`,
    )
    assert.equal(planExit(report), 1)
  })

  test('names what the proxy would refuse, by what the driver can tell without writing', async () => {
    const world = createWorld({ standing: true })
    world.put(service('web'))
    const [proxy] = world.proxies
    const problem = {
      code: 'PortTaken',
      kind: 'terminal',
      message: 'tcp/203.0.113.10:443 is taken on proxy edge-1: sshd',
      remedy: 'Use another port',
    } as const
    assert.ok(proxy)
    Object.assign(proxy.driver, { preview: async () => [{ key: 'tcp/203.0.113.10:443', problem }] })
    const report = reportPlan(await surveyOf(world))
    assert.deepEqual(
      report.proxies.flatMap(({ actions }) => actions.map(({ action, text }) => `${action} ${text}`)),
      ['refuse tcp/203.0.113.10:443  PortTaken'],
    )
    assert.deepEqual(
      report.problems.map(({ about, code }) => `${about} ${code}`),
      ['Service default/web PortTaken'],
    )
  })

  test('without proxies to ask, each is taken for an empty one', async () => {
    const world = await settledWorld([service('web')])
    const report = reportPlan(await surveyOf(world, { proxies: 'empty' }))
    assert.deepEqual(
      report.proxies.flatMap(({ actions }) => actions.map(({ text }) => text)),
      ['tcp/203.0.113.10:443  default/web → 2 targets :30443'],
    )
    assert.deepEqual(report.notes, ['no proxy was asked: each is taken for one that has nothing of ours yet'])
    assert.equal(planExit(report), 2)
  })

  test('for programs it has a version, and no password of a URL', async () => {
    const world = await settledWorld([service('web')])
    const text = JSON.stringify(reportPlan(await surveyOf(world)))
    assert.match(text, /^\{"apiVersion":"fairway\.dev\/cli\/v1","kind":"Plan","cluster":"prod-a","changes":false/)
    assert.doesNotMatch(text, /secret/)
  })
})
