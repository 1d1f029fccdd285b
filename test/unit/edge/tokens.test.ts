// The book of tokens, which is read again when its file changes.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { addToken } from '../../../src/edge/init.ts'
import { openTokens } from '../../../src/edge/tokens.ts'

const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const NOW = new Date('2026-01-01')

async function tokensFile(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'fairway-tokens-'))
  t.after(() => rm(dir, { recursive: true }))
  return join(dir, 'tokens.yaml')
}

test('requests that come together are all known, whichever has the file read', async (t) => {
  const path = await tokensFile(t)
  const first = await addToken(path, 'prod-a/public', NOW)
  const book = openTokens(path, log)
  const together = (token: string) => Promise.all([1, 2, 3].map(() => book.find(token)))
  assert.deepEqual(await together(first), ['prod-a/public', 'prod-a/public', 'prod-a/public'])

  const second = await addToken(path, 'prod-a/*', NOW)
  assert.deepEqual(await together(second), ['prod-a/*', 'prod-a/*', 'prod-a/*'])
  assert.equal(await book.find(first), 'prod-a/public')
})
