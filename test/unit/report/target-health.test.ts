/** What `fairway doctor` makes of how proxies see their targets. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeTargets, type Sighting } from '../../../src/report/target-health.ts'
import { service } from '../../support/builders.ts'
import { settledWorld, surveyOf } from '../cli/rig.ts'

const KEYS = ['tcp/203.0.113.10:80', 'tcp/203.0.113.10:443'] as const

type States = readonly [http: Sighting['state'], https: Sighting['state']]

const CASES: readonly (readonly [what: string, n1: States, n2: States, said: readonly string[]])[] = [
  ['all are up', ['up', 'up'], ['up', 'up'], ['ok proxy edge-1: finds 2 targets up']],
  ['nothing is checked', ['unchecked', 'unchecked'], ['unchecked', 'unchecked'], []],
  ['a node that drains is not judged', ['up', 'up'], ['draining', 'draining'], ['ok proxy edge-1: finds 1 target up']],
  [
    'a node that is down for all fails',
    ['up', 'up'],
    ['down', 'down'],
    [
      'fail n2 (10.0.0.2): proxy edge-1 finds it down for 2 of 2 frontends, such as tcp/203.0.113.10:80: http://10.0.0.2:10256/healthz does not answer 200 from there',
    ],
  ],
  [
    'a node that is down for one is a note',
    ['up', 'down'],
    ['up', 'up'],
    [
      'note n1 (10.0.0.1): proxy edge-1 finds it down for 1 of 2 frontends, such as tcp/203.0.113.10:443: http://10.0.0.1:10256/healthz does not answer 200 from there',
    ],
  ],
]

function seen(address: string, states: States): readonly Sighting[] {
  return KEYS.map((key, at) => {
    const state = states[at] ?? 'unchecked'
    return { proxy: 'edge-1', className: 'public', key, address, port: 30_080, state }
  })
}

for (const [what, n1, n2, said] of CASES) {
  test(what, async () => {
    const survey = await surveyOf(await settledWorld([service('web', { ports: ['80', '443'] })]))
    const found = judgeTargets(survey, [...seen('10.0.0.1', n1), ...seen('10.0.0.2', n2)])
    assert.deepEqual(
      found.map(({ state, about, message }) => `${state} ${about}: ${message}`),
      said,
    )
  })
}
