import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { reportStatus } from '../../../src/report/status.ts'
import { statusLines } from '../../../src/report/status-lines.ts'
import { service } from '../../support/builders.ts'
import { away, CONFIG, settledWorld, surveyOf, textOf } from './rig.ts'

describe('status', () => {
  test('says in a few lines that all is well', async () => {
    const world = await settledWorld([service('web'), service('mail', { ports: ['25', '465'] })])
    const report = reportStatus(await surveyOf(world))
    assert.equal(
      textOf(statusLines(report, false)),
      `
Class public (default): 3 of 3 frontends served
  POOL  USED  FREE  ADDRESSES
  main  1     2     203.0.113.10-203.0.113.12
  PROXY   STATE      FRONTENDS  REFUSED  PENDING  REVISION  ENDPOINT
  edge-1  reachable  3          0        0        1         caddy https://10.1.0.100:2021

All is well: 2 of 2 Services served.
`,
    )
  })

  test('shows problems first, and the Services that are not served', async () => {
    const lost = service('lost', {
      ports: ['443'],
      annotations: { class: 'publik' },
      spec: { loadBalancerClass: undefined },
    })
    const world = await settledWorld([service('web', { ports: ['80'] }), lost])
    world.put(service('new', { ports: ['81'] }))
    const report = reportStatus(await surveyOf(world))
    assert.equal(
      textOf(statusLines(report, false)),
      `
Problems: 1
  Service default/lost: ClassUnknown
    Service default/lost names class "publik", which the configuration does not have (did you mean "public"?)
    → Use one of: public

Class public (default): 1 of 2 frontends served
  POOL  USED  FREE  ADDRESSES
  main  1     2     203.0.113.10-203.0.113.12
  PROXY   STATE      FRONTENDS  REFUSED  PENDING  REVISION  ENDPOINT
  edge-1  reachable  1          0        1        1         caddy https://10.1.0.100:2021

Services that are not wholly served
  SERVICE      ADDRESS       PORTS   SERVED  BY  SINCE
  default/new  203.0.113.10  81/TCP  no      -   -

1 of 2 Services served; 1 problem.
`,
    )
  })

  test('a proxy that is away is unreachable, and what it serves unknown', async () => {
    const world = await settledWorld([service('web')])
    for (const proxy of world.proxies) proxy.broken = away()
    const report = reportStatus(await surveyOf(world))
    const [one] = report.classes
    assert.deepEqual(one?.frontends, { wanted: 1, served: undefined })
    assert.deepEqual(
      one?.proxies.map(({ state, frontends }) => [state, frontends]),
      [['unreachable', undefined]],
    )
    assert.deepEqual(
      one?.services.map(({ serving, since }) => [serving, since]),
      [['unknown', '2026-01-01T00:00:00Z']],
    )
  })

  test('without asking the proxies it says what the cluster says', async () => {
    const world = await settledWorld([service('web')])
    const report = reportStatus(await surveyOf(world, { proxies: 'unasked' }))
    assert.equal(
      textOf(statusLines(report, true)),
      `
Class public (default): 1 frontends
  POOL  USED  FREE  ADDRESSES
  main  1     2     203.0.113.10-203.0.113.12
  PROXY   STATE      FRONTENDS  REFUSED  PENDING  REVISION  ENDPOINT
  edge-1  not asked  -          0        0        -         caddy https://10.1.0.100:2021

Services
  SERVICE      ADDRESS       PORTS    SERVED     BY  SINCE
  default/web  203.0.113.10  443/TCP  not asked  -   2026-01-01T00:00:00Z

Note: no proxy was asked.

All is well: 1 Services.
`,
    )
  })

  const sizes: readonly (readonly [pool: object, free: string, total: string])[] = [
    [{ addresses: ['203.0.113.0/24'] }, '255', '256'],
    [{ addresses: ['203.0.113.0/24'], avoidEdgeAddresses: true }, '253', '254'],
    [{ addresses: ['203.0.112.0/23', '203.0.120.255'], avoidEdgeAddresses: true }, '507', '508'],
    [{ addresses: ['203.0.113.1', '2001:db8::/64'] }, '18446744073709551616', '18446744073709551617'],
  ]
  for (const [pool, free, total] of sizes) {
    test(`a pool of ${JSON.stringify(pool)} has ${total} addresses`, async () => {
      const world = await settledWorld([])
      world.put(service('web'))
      const [first] = CONFIG.classes
      const config = { ...CONFIG, classes: [{ ...first, pools: [{ name: 'main', ...pool }] }] }
      const [one] = reportStatus(await surveyOf(world, { config })).classes
      assert.deepEqual(
        one?.pools.map((use) => [use.free, use.total, use.used]),
        [[free, total, 1]],
      )
    })
  }
})
