import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServiceObject } from '../../../src/kube/objects.ts'
import type { ServiceWant } from '../../../src/kube/status.ts'
import { createContest } from '../../../src/operator/contest.ts'
import { service } from '../../support/builders.ts'

const WANT: ServiceWant = { conditions: [], finalizers: {}, ingress: [{ ip: '203.0.113.10', ipMode: 'Proxy' }] }

function showing(ip?: string): ServiceObject {
  const one = service('web')
  return { ...one, status: { ...one.status, loadBalancer: { ingress: ip === undefined ? [] : [{ ip, ports: [] }] } } }
}

test('a first address is written, and written again when somebody clears it', () => {
  const contest = createContest()
  assert.equal(contest.judge(showing(), WANT, 0), 'write')
  assert.equal(contest.judge(showing('203.0.113.10'), WANT, 1_000), 'write')
  assert.equal(contest.judge(showing(), WANT, 2_000), 'write')
})

test('the third overwriting in ten minutes is the last round', () => {
  const contest = createContest()
  const verdicts = [0, 1, 2, 3, 4, 5].map((minute) => contest.judge(showing('192.0.2.1'), WANT, minute * 60_000))
  assert.deepEqual(verdicts, ['write', 'write', 'write', 'give up', 'left', 'left'])
})

test('three overwritings that are far apart are no contest', () => {
  const contest = createContest()
  const verdicts = [0, 6, 12, 18, 24].map((minute) => contest.judge(showing('192.0.2.1'), WANT, minute * 60_000))
  assert.deepEqual(new Set(verdicts), new Set(['write']))
})

test('another wanted address begins anew; writes without an address are never judged', () => {
  const contest = createContest()
  for (let round = 0; round < 5; round++) contest.judge(showing('192.0.2.1'), WANT, round)
  assert.equal(contest.judge(showing('192.0.2.1'), { ...WANT, ingress: [] }, 10), 'write')
  const other: ServiceWant = { ...WANT, ingress: [{ ip: '203.0.113.11', ipMode: 'Proxy' }] }
  assert.equal(contest.judge(showing('192.0.2.1'), other, 11), 'write')
})
