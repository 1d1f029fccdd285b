import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTokenGuard, guardLoopback, type Verdict } from '../../../src/server/page-access.ts'

const never = new AbortController().signal

test('on loopback whoever asks by a name of loopback is let in: a stranger’s name that leads there is not', async () => {
  for (const host of [
    'localhost',
    'localhost:8090',
    'LOCALHOST:1',
    '127.0.0.1:8090',
    '127.0.0.2',
    '[::1]:8090',
    '[::1]',
  ])
    assert.equal(await guardLoopback({ host, authorization: undefined }, never), 'allowed', host)
  const strange = [
    'evil.example',
    'evil.example:8090',
    'localhost.evil.example',
    'evil-localhost:8090',
    'evil.127.0.0.1',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    '::1',
    '',
    undefined,
  ]
  for (const host of [...strange, 'localhost:8090@evil.example', 'localhost:', 'localhost:8090\n'])
    assert.equal(await guardLoopback({ host, authorization: undefined }, never), 'misdirected', host)
})

/** A guard that asks a judge of the test's. */
function createRig(judge: (token: string) => Promise<Verdict> | Verdict) {
  const rig = { nowMs: 0, asked: [] as string[] }
  const guard = createTokenGuard(
    async (token) => {
      rig.asked.push(token)
      return judge(token)
    },
    () => rig.nowMs,
  )
  return { rig, ask: (authorization?: string) => guard({ host: 'page.example', authorization }, never) }
}

test('what is no bearer token is not asked about', async () => {
  const { rig, ask } = createRig(() => 'allowed')
  for (const text of [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Basic YTpi',
    'Bearer a b',
    'bearer: x',
    `Bearer ${'a'.repeat(20_000)}`,
  ])
    assert.equal(await ask(text), 'unknown', text)
  assert.deepEqual(rig.asked, [])
  assert.equal(await ask('Bearer eyJh.bGci_-.x=='), 'allowed')
  assert.deepEqual(rig.asked, ['eyJh.bGci_-.x=='])
})

test('a verdict holds for a minute, a refusal for seconds', async () => {
  let verdict: Verdict = 'allowed'
  const { rig, ask } = createRig(() => verdict)
  assert.equal(await ask('Bearer a'), 'allowed')
  verdict = 'forbidden'
  rig.nowMs = 59_999
  assert.equal(await ask('Bearer a'), 'allowed')
  assert.equal(await ask('Bearer b'), 'forbidden', 'another token')
  rig.nowMs = 60_000
  assert.equal(await ask('Bearer a'), 'forbidden')
  verdict = 'allowed'
  rig.nowMs = 64_999
  assert.equal(await ask('Bearer a'), 'forbidden')
  rig.nowMs = 65_000
  assert.equal(await ask('Bearer a'), 'allowed')
})

test('an API server that does not answer lets nobody in, and is asked again', async () => {
  let fails = true
  const { rig, ask } = createRig(() => (fails ? Promise.reject(new Error('down')) : 'allowed'))
  assert.equal(await ask('Bearer a'), 'unavailable')
  fails = false
  assert.equal(await ask('Bearer a'), 'allowed')
  assert.equal(rig.asked.length, 2)
})

test('who guesses many tokens at once does not load the API server', async () => {
  const waiting: (() => void)[] = []
  const { rig, ask } = createRig(() => new Promise((resolve) => waiting.push(() => resolve('unknown'))))
  const answers = Promise.all(Array.from({ length: 50 }, (_, index) => ask(`Bearer guess-${index}`)))
  await new Promise(setImmediate)
  assert.equal(rig.asked.length, 4)
  for (const done of waiting) done()
  assert.deepEqual(Map.groupBy(await answers, String).get('unavailable')?.length, 46)
})
