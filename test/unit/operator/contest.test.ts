import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServiceObject } from '../../../src/kube/objects.ts'
import type { ServiceWant } from '../../../src/kube/status.ts'
import { type Contest, createContest, type Verdict } from '../../../src/operator/contest.ts'
import { service } from '../../support/builders.ts'

const WANT: ServiceWant = { conditions: [], finalizers: {}, ingress: [{ ip: '203.0.113.10', ipMode: 'Proxy' }] }

function showing(ip?: string): ServiceObject {
  const one = service('web')
  return { ...one, status: { ...one.status, loadBalancer: { ingress: ip === undefined ? [] : [{ ip, ports: [] }] } } }
}

/** Judges, and carries out what may be written. */
function round(
  contest: Contest,
  shown: string | undefined,
  want: ServiceWant,
  nowMs: number,
  succeeds = true,
): Verdict {
  const verdict = contest.judge(showing(shown), want, nowMs)
  if (verdict === 'write' && succeeds) contest.written(showing(shown), want)
  return verdict
}

test('a first address is written, and written again when somebody clears it', () => {
  const contest = createContest()
  assert.equal(round(contest, undefined, WANT, 0), 'write')
  assert.equal(round(contest, '203.0.113.10', WANT, 1_000), 'write')
  assert.equal(round(contest, undefined, WANT, 2_000), 'write')
})

test('the third overwriting in ten minutes is the last round', () => {
  const contest = createContest()
  const verdicts = [0, 1, 2, 3, 4, 5].map((minute) => round(contest, '192.0.2.1', WANT, minute * 60_000))
  assert.deepEqual(verdicts, ['write', 'write', 'write', 'give up', 'left', 'left'])
})

test('three overwritings that are far apart are no contest', () => {
  const contest = createContest()
  const verdicts = [0, 6, 12, 18, 24].map((minute) => round(contest, '192.0.2.1', WANT, minute * 60_000))
  assert.deepEqual(new Set(verdicts), new Set(['write']))
})

test("writes of our own that fail are nobody's overwriting", () => {
  const contest = createContest()
  const failing = [0, 1, 3, 7, 15].map((second) => round(contest, undefined, WANT, second * 1_000, false))
  assert.deepEqual(new Set(failing), new Set(['write']))
  assert.equal(round(contest, undefined, WANT, 20_000), 'write')
  const again = [30, 31, 33, 37].map((second) => round(contest, undefined, WANT, second * 1_000, false))
  assert.deepEqual(new Set(again), new Set(['write']), 'one clearing, and our own failures to put it right')
})

test('another wanted address begins anew; writes without an address are never judged', () => {
  const contest = createContest()
  for (let turn = 0; turn < 5; turn++) round(contest, '192.0.2.1', WANT, turn)
  assert.equal(round(contest, '192.0.2.1', { ...WANT, ingress: [] }, 10), 'write')
  const other: ServiceWant = { ...WANT, ingress: [{ ip: '203.0.113.11', ipMode: 'Proxy' }] }
  assert.equal(round(contest, '192.0.2.1', other, 11), 'write')
})

test('an address that we take away ourselves, and give again, was nobody else', () => {
  const contest = createContest()
  for (let turn = 0; turn < 6; turn++) {
    assert.equal(round(contest, undefined, WANT, turn * 1_000), 'write')
    assert.equal(round(contest, '203.0.113.10', { ...WANT, ingress: [] }, turn * 1_000 + 500), 'write')
  }
})
