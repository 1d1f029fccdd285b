/** What the command line says of a real edge with a real HAProxy: a plan is what the driver then does, and reading changes nothing. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { driverMaker } from '../../src/cli/drivers.ts'
import { SILENT } from '../../src/cli/silent.ts'
import { takeSurvey } from '../../src/cli/survey.ts'
import { parseConfig } from '../../src/config/load.ts'
import { planExit, planLines, reportPlan } from '../../src/report/plan.ts'
import type { Survey } from '../../src/report/survey.ts'
import { freePort } from '../lab/free-port.ts'
import { node, service } from '../support/builders.ts'
import { type EdgeHarness, startEdge } from './edge-harness.ts'
import { PROD } from './tables.ts'

const ADDRESS = '127.77.1.1'
const fence = () => assert.fail('nothing may be written')

describe('the command line and an edge', () => {
  let harness: EdgeHarness
  before(async () => {
    harness = await startEdge({ address: ADDRESS })
  })
  after(() => harness?.close())

  function look(port: number, tokenFile: string): Promise<Survey> {
    const { edge } = harness
    const proxies = [{ name: 'edge-1', edge: { url: edge.url, caFile: edge.caFile, tokenFile } }]
    const classes = [{ name: PROD.className, default: true, pools: [{ name: 'main', addresses: [ADDRESS] }], proxies }]
    const state = {
      services: [service('web', { ports: [String(port)], meta: { uid: 'uid-of-web' } })],
      nodes: [node('n1', ['InternalIP 192.0.2.1'])],
      slicesOf: () => [],
    }
    return takeSurvey(
      {
        config: parseConfig(JSON.stringify({ cluster: PROD.cluster, classes }), 'fairway.yaml'),
        uid: PROD.uid,
        state,
        notes: [],
        proxies: driverMaker(SILENT, { userAgent: 'test', epoch: 0, fence }),
      },
      AbortSignal.timeout(20_000),
    )
  }

  test('the plan is what the driver then does, and then there is none', async () => {
    const port = await freePort(ADDRESS)
    const tokenFile = harness.edge.tokenFile(`${PROD.cluster}/*`)
    const writes = await harness.writes()
    const survey = await look(port, tokenFile)
    const text = planLines(reportPlan(survey)).map((one) => one.text)
    assert.ok(
      text.some((line) => line.startsWith(`  + tcp/${ADDRESS}:${port}  default/web → 1 target`)),
      text.join('\n'),
    )
    assert.equal(await harness.writes(), writes)
    const plan = survey.classes[0]?.proxies[0]?.plan
    assert.ok(plan)
    const driver = harness.driver()
    await driver.read(AbortSignal.timeout(10_000))
    assert.deepEqual(await driver.apply(plan, AbortSignal.timeout(10_000)), { refused: [], wrote: true })
    const { proxies } = reportPlan(await look(port, tokenFile))
    assert.deepEqual(
      proxies.map(({ actions, problem }) => [actions, problem]),
      [[[], undefined]],
    )
  })

  test('a token of another cluster', async () => {
    const report = reportPlan(await look(await freePort(ADDRESS), harness.edge.tokenFile('other/*')))
    assert.equal(planExit(report), 1)
    assert.deepEqual(
      report.problems.map(({ about, code }) => `${about} ${code}`),
      ['proxy edge-1 ProxyUnauthorized'],
    )
    assert.match(report.problems[0]?.remedy ?? '', /^Check tokenFile/)
  })
})
