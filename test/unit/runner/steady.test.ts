import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestRecord } from '../../runner/counts-reporter.ts'
import type { Stage, StageResult } from '../../runner/stages.ts'
import { steady } from '../../runner/steady.ts'

const record = (file: string, outcome: TestRecord['outcome']): TestRecord => ({
  name: `of ${file}`,
  file,
  outcome,
  reason: '',
})
const result = (exitCode: number, ...records: TestRecord[]): StageResult => ({ exitCode, records })

function stage(first: StageResult, second?: StageResult): { readonly stage: Stage; readonly asked: string[][] } {
  const asked: string[][] = []
  const again = async (files: readonly string[]) => {
    asked.push([...files])
    return second ?? first
  }
  const base = { name: 'contract', what: '', run: async () => first }
  return { stage: second === undefined ? base : { ...base, again }, asked }
}

const run = (subject: Stage) => steady(subject, {}, () => undefined, new AbortController().signal)

test('what fails and then passes is told, and does not fail the stage', async () => {
  const { stage: subject, asked } = stage(
    result(1, record('a', 'failed'), record('b', 'passed')),
    result(0, record('a', 'passed')),
  )
  const outcome = await run(subject)
  assert.deepEqual(asked, [['a']])
  assert.equal(outcome.exitCode, 0)
  assert.deepEqual(outcome.records, [record('b', 'passed'), record('a', 'passed')])
  assert.deepEqual(outcome.unsteady, [record('a', 'failed')])
})

test('what fails twice has failed', async () => {
  const first = result(1, record('a', 'failed'))
  assert.deepEqual(await run(stage(first, result(1, record('a', 'failed'))).stage), { ...first, unsteady: [] })
})

test('a second run that ends badly without a failed test does not count', async () => {
  const first = result(1, record('a', 'failed'))
  assert.deepEqual(await run(stage(first, result(1, record('a', 'passed'))).stage), { ...first, unsteady: [] })
})

test('many failures are no accident', async () => {
  const first = result(1, ...['a', 'b', 'c', 'd'].map((file) => record(file, 'failed')))
  const { stage: subject, asked } = stage(first, result(0))
  assert.equal((await run(subject)).exitCode, 1)
  assert.deepEqual(asked, [])
})

test('a crash that no test tells of is not run again', async () => {
  const { stage: subject, asked } = stage(result(1, record('a', 'passed')), result(0))
  assert.equal((await run(subject)).exitCode, 1)
  assert.deepEqual(asked, [])
})

test('a stage without real programs has one try', async () => {
  assert.equal((await run(stage(result(1, record('a', 'failed'))).stage)).exitCode, 1)
})
