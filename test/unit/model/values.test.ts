import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseDuration } from '../../../src/model/duration.ts'
import { didYouMean, nearestName } from '../../../src/model/nearest.ts'
import { describeProblem, errorText, FairwayError, type Problem } from '../../../src/model/problems.ts'

test('durations', () => {
  const table: readonly (readonly [string, number | undefined])[] = [
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['576h', 24 * 24 * 3_600_000],
    ['577h', undefined],
    ['0s', undefined],
    ['30', undefined],
    ['1.5s', undefined],
    ['-1s', undefined],
    ['1d', undefined],
    ['30 s', undefined],
    ['1h30m', undefined],
    ['9999999999ms', undefined],
    ['', undefined],
  ]
  assert.deepEqual(
    table.map(([text]) => [text, parseDuration(text)]),
    table,
  )
})

describe('nearestName', () => {
  const known = ['proxy-protocol', 'pool', 'ports', 'hosts']
  const table: readonly (readonly [typed: string, meant: string | undefined])[] = [
    ['proxy-protocl', 'proxy-protocol'],
    ['proxyprotocol', 'proxy-protocol'],
    ['pools', 'pool'],
    ['port', 'ports'],
    ['host', 'hosts'],
    ['weight', undefined],
    ['timeout', undefined],
  ]
  for (const [typed, meant] of table) {
    test(`"${typed}" ${meant === undefined ? 'resembles nothing' : `means "${meant}"`}`, () =>
      assert.equal(nearestName(typed, known), meant))
  }

  test('the first of two that are as near', () => assert.equal(nearestName('ab', ['ac', 'ad']), 'ac'))
  test('as words for a message', () => {
    assert.equal(didYouMean('pol', known), ' (did you mean "pool"?)')
    assert.equal(didYouMean('weight', known), '')
  })
})

describe('problems', () => {
  const problem: Problem = {
    code: 'PortTaken',
    kind: 'terminal',
    message: 'Service a/b asks for port 443/TCP',
    remedy: 'Choose another port',
  }

  test('are told as message and remedy', () =>
    assert.equal(describeProblem(problem), 'Service a/b asks for port 443/TCP. Choose another port'))

  test('travel in an error, with what lies beneath', () => {
    const cause = new Error('beneath')
    const error = new FairwayError(problem, cause)
    assert.deepEqual([error.problem, error.cause, error.name], [problem, cause, 'FairwayError'])
    assert.equal(error.message, describeProblem(problem))
    assert.equal('cause' in new FairwayError(problem), false)
  })

  test('anything that was thrown has a text', () => {
    const coded = Object.assign(new Error('connect failed'), { code: 'ECONNREFUSED' })
    const saidAlready = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    assert.deepEqual([new Error('plain'), coded, saidAlready, 'text', 7, undefined].map(errorText), [
      'plain',
      'connect failed (ECONNREFUSED)',
      'connect ECONNREFUSED',
      'text',
      '7',
      'undefined',
    ])
  })
})
