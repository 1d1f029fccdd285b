import assert from 'node:assert/strict'
import { parseConfig } from '../../../src/config/load.ts'
import { FairwayError, type Problem } from '../../../src/model/problems.ts'

/** The problem of a configuration that is refused. */
export function problemOf(text: string): Problem {
  try {
    parseConfig(text, 'fairway.yaml')
  } catch (error) {
    assert.ok(error instanceof FairwayError, `not a FairwayError: ${String(error)}`)
    return error.problem
  }
  return assert.fail('the mistake was not found')
}

/** One edit of a good configuration, and the message that it leads to, which begins with its line. */
export type Mistake = readonly [what: string, from: string, to: string, message: string]

/** Asserts that an edit of a good configuration is told with file, line and key. */
export function assertTold(good: string, [, from, to, message]: Mistake): void {
  assert.ok(good.includes(from), 'the edit does not apply')
  assert.equal(problemOf(good.replace(from, to)).message, `fairway.yaml:${message}`)
}
