import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createLog } from '../../../src/cli/log.ts'
import { FairwayError } from '../../../src/model/problems.ts'
import { markPass } from '../../../src/operator/pass-mark.ts'

/** A log, and the lines that came of it. */
function listen(level = 'debug') {
  const lines: string[] = []
  const log = createLog(level, { write: (line) => void lines.push(line) })
  const read = () => lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
  return { log, lines, read }
}

test('one event is one line, whatever is in it', () => {
  const { log, lines } = listen()
  log.error({ err: new Error('first\nsecond') }, 'a\nb')
  assert.equal(lines.length, 1)
  assert.match(lines[0] ?? '', /^\{.*\}\n$/)
})

test('a problem of ours is told without a stack, a defect with one', () => {
  const { log, read } = listen()
  const problem = { code: 'PortTaken', kind: 'terminal', message: 'sshd has it', remedy: 'Use another' } as const
  log.warn({ err: new FairwayError(problem, new Error('EADDRINUSE')) }, 'x')
  log.warn({ err: new TypeError('a defect') }, 'y')
  const [ours, defect] = read().map(({ err }) => err as Readonly<Record<string, unknown>>)
  assert.deepEqual(ours, { code: 'PortTaken', message: 'sshd has it', remedy: 'Use another', cause: 'EADDRINUSE' })
  assert.match(String(defect?.['stack']), /log\.test\.ts/)
})

test('lines of one pass have its mark, also of a logger that was made before it, and after it has waited', async () => {
  const { log, read } = listen()
  const driver = log.child({ driver: 'caddy' })
  const pass = async () => {
    log.info({}, 'begun')
    await delay(1)
    driver.info({}, 'read')
  }
  log.info({}, 'before')
  await Promise.all([markPass(pass), markPass(pass)])
  log.info({}, 'after')
  const marks = read().map(({ msg, pass: mark }) => ({ msg, mark }))
  const [first, second] = marks.filter(({ msg }) => msg === 'begun').map(({ mark }) => mark)
  assert.match(String(first), /^[\da-f]{8}$/)
  assert.notEqual(first, second)
  const ofDriver = marks.filter(({ msg }) => msg === 'read').map(({ mark }) => mark)
  assert.deepEqual(ofDriver, [first, second])
  const outside = marks.filter(({ msg }) => msg === 'before' || msg === 'after')
  assert.deepEqual(
    outside.map(({ mark }) => mark),
    [undefined, undefined],
  )
})

test('tokens and passwords are left out, in the message as in fields and causes', () => {
  const { log, lines, read } = listen()
  const token = `fairway_${'a1B2'.repeat(10)}`
  const answer = new Error(`answered: {"authorization":"Bearer ${token}"}`)
  log.error({ url: 'https://me:hunter2@proxy', err: answer, headers: { authorization: `Bearer ${token}` } }, token)
  assert.doesNotMatch(lines.join(''), /a1B2|hunter2/)
  assert.equal(read()[0]?.['msg'], 'fairway_…')
})
