import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { renderProxy } from '../../../src/cli/render.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { drainLines, reportDrain } from '../../../src/report/drain.ts'
import { service } from '../../support/builders.ts'
import { CONFIG, settledWorld, surveyOf, textOf } from './rig.ts'

const [PUBLIC] = CONFIG.classes

describe('render', () => {
  test('Caddy’s servers as they shall be, and for another proxy the table that it is given', async () => {
    const world = await settledWorld([service('web')])
    const edge = {
      ...CONFIG,
      classes: [
        {
          ...PUBLIC,
          proxies: [{ name: 'edge-1', edge: { url: 'https://10.1.0.100:7443', tokenFile: '/t', caFile: '/c' } }],
        },
      ],
    }
    const rendered = async (config: object) =>
      renderProxy(
        await surveyOf(world, { config }),
        parseConfig(JSON.stringify(config), 'x'),
        'uid-1',
        'edge-1',
        undefined,
      ).document
    const caddy = JSON.stringify(await rendered(CONFIG))
    assert.ok(
      caddy.startsWith(
        '{"apps":{"layer4":{"servers":{"fairway.prod-a.public.tcp.203.0.113.10.443":{"@id":"fairway.prod-a.public.tcp.203.0.113.10.443.uid-1","listen":["tcp4/203.0.113.10:443"]',
      ),
      caddy,
    )
    assert.match(caddy, /"dial":\["10\.0\.0\.1:30443"\]/)
    const table = JSON.stringify(await rendered(edge))
    assert.ok(
      table.startsWith(
        '{"owner":{"cluster":"prod-a","className":"public","uid":"uid-1"},"table":{"frontends":[{"address":"203.0.113.10","port":443',
      ),
      table,
    )
    assert.doesNotMatch(caddy + table, /secret/)
  })

  test('asks which one where there are several', async () => {
    const world = await settledWorld([service('web')], { proxies: 2 })
    const other = { name: 'edge-2', caddy: { url: 'https://10.1.0.101:2021', caFile: '/ca.crt' } }
    const config = { ...CONFIG, classes: [{ ...PUBLIC, proxies: [...(PUBLIC?.proxies ?? []), other] }] }
    const survey = await surveyOf(world, { config })
    const parsed = parseConfig(JSON.stringify(config), 'x')
    assert.throws(
      () => renderProxy(survey, parsed, 'u', undefined, undefined),
      /Name one by --class and --proxy: public\/edge-1, public\/edge-2/,
    )
    assert.throws(() => renderProxy(survey, parsed, 'u', 'edge-3', undefined), /There is no such proxy/)
  })
})

describe('drain', () => {
  test('shows what only this proxy serves, and how it is taken out', async () => {
    const other = { name: 'edge-2', caddy: { url: 'https://10.1.0.101:2021', caFile: '/ca.crt' } }
    const pools = [
      { name: 'left', addresses: ['203.0.113.10'], proxies: ['edge-1'] },
      { name: 'both', addresses: ['203.0.113.20'] },
    ]
    const config = { ...CONFIG, classes: [{ ...PUBLIC, pools, proxies: [...(PUBLIC?.proxies ?? []), other] }] }
    const world = await settledWorld([], { proxies: 2 })
    world.put(service('web'))
    const survey = await surveyOf(world, { config })
    const report = reportDrain(survey, 'edge-1')
    assert.ok(report)
    assert.equal(
      textOf(drainLines(report)),
      `
Class public: 2 frontends of Services there
  SERVICE      LOSES                 KEEPS ELSEWHERE
  default/web  tcp/203.0.113.10:443  tcp/203.0.113.20:443

To take edge-1 out:
  1. Lead clients away from it: by VRRP, BGP or DNS, and wait for their connections to end.
  2. Remove edge-1 from classes[].proxies of fairway.yaml, and from pools[].proxies (left).
     The operator then removes what is ours from it, and nothing else; until then it serves on.
  Nothing was changed by this command.

Some of it is served by nobody else.
`,
    )
    assert.equal(reportDrain(survey, 'edge-9'), undefined)
  })
})
