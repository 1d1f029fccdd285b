import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Observed } from '../../../src/model/driver.ts'
import type { Problem } from '../../../src/model/problems.ts'
import { makeTable } from '../../../src/model/table.ts'
import { createServing, type Serving } from '../../../src/report/served.ts'
import { overall } from '../../../src/report/status.ts'
import type { ProxySurvey } from '../../../src/report/survey.ts'
import { frontend, observed } from '../../support/builders.ts'
import { away } from './rig.ts'

const [WEB, MAIL] = ['tcp/203.0.113.10:443', 'tcp/203.0.113.10:25']
const BOTH = makeTable([frontend(), frontend({ port: 25 })], [])
const ONE = makeTable([frontend()], [])

function proxy(wishes: Partial<ProxySurvey>): ProxySurvey {
  const nothing = { observed: undefined, plan: undefined, problem: undefined, heldBack: undefined }
  return {
    name: 'edge-1',
    kind: 'edge',
    url: 'https://10.1.0.100:7443',
    ...nothing,
    refused: new Map(),
    notices: [],
    ...wishes,
  }
}

function seen(wishes: Partial<Observed>): ProxySurvey {
  return proxy({ observed: { ...observed(BOTH), ...wishes } })
}

const problem: Problem = away()
const whole = observed(BOTH)
const change = { kind: 'update', key: MAIL, before: frontend(), after: frontend() } as const

const CASES: readonly (readonly [what: string, proxy: ProxySurvey, serving: Serving])[] = [
  ['has both', seen({}), 'yes'],
  ['has both, one of them edited by hand', seen({ table: ONE, drifted: new Set([MAIL]) }), 'yes'],
  ['has one', seen({ table: ONE }), 'in part'],
  ['has both and refuses one', seen({ refused: [{ key: MAIL, problem }] }), 'in part'],
  ['has none', seen({ table: makeTable([], []) }), 'no'],
  [
    'has both, and one is to change',
    proxy({ observed: whole, plan: { observed: whole, table: BOTH, changes: [change], keep: new Set(), strays: [] } }),
    'outdated',
  ],
  ['is not known to serve what it has', seen({ trouble: problem }), 'unknown'],
  ['did not answer', proxy({ problem }), 'unknown'],
  ['was not asked', proxy({}), 'not asked'],
]

describe('what a proxy serves of two frontends when it', () => {
  for (const [what, one, serving] of CASES) {
    test(`${what}: ${serving}`, () => assert.equal(createServing(one)([WEB, MAIL]), serving))
  }
})

const TOGETHER: readonly (readonly [all: readonly Serving[], one: Serving])[] = [
  [[], 'no'],
  [['yes', 'yes'], 'yes'],
  [['yes', 'outdated'], 'outdated'],
  [['yes', 'no'], 'in part'],
  [['yes', 'unknown'], 'in part'],
  [['no', 'unknown'], 'no'],
  [['not asked', 'not asked'], 'not asked'],
  [['unknown', 'not asked'], 'unknown'],
]

describe('several proxies together', () => {
  for (const [all, one] of TOGETHER)
    test(`${all.join(' and ') || 'none'}: ${one}`, () => assert.equal(overall(all), one))
})
