import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Problem } from '../../../src/model/problems.ts'
import { type LeftService, releaseExit, releaseLines, releaseReport } from '../../../src/report/release.ts'

const PROBLEM: Problem = { code: 'ProxyUnreachable', kind: 'transient', message: 'It is gone', remedy: 'Start it' }
const DONE = { className: 'public', proxy: 'edge-1', removed: 2, problem: undefined }
const left = (name: string, blocks: boolean): LeftService => ({ name, problem: PROBLEM, blocks })

function text(...args: Parameters<typeof releaseReport>): string {
  return releaseLines(releaseReport(...args))
    .map((one) => one.text)
    .join('\n')
}

test('what is kept is said to follow nothing any more', () => {
  const said = text('keep', [], { released: ['a/web', 'b/web'], left: [] })
  assert.match(said, /^Proxies: left as they are\. What they serve goes on, and follows no change any more\./)
  assert.match(
    said,
    /Services that keep their addresses and can be deleted now: a\/web, b\/web \(2\)\n\nFairway may go\.$/,
  )
})

test('what is drained is counted by proxy', () => {
  const said = text('drain', [DONE], { released: ['a/web'], left: [] })
  assert.match(said, /^Proxy edge-1 of class public: 2 frontends taken off, nothing is left\n/)
})

test('a proxy that fails, and a Service that blocks, end with 1', () => {
  const nothing = { released: [], left: [] }
  assert.equal(releaseExit(releaseReport('drain', [DONE], nothing)), 0)
  assert.equal(releaseExit(releaseReport('drain', [{ ...DONE, problem: PROBLEM }], nothing)), 1)
  assert.equal(releaseExit(releaseReport('keep', [], { released: [], left: [left('a/web', true)] })), 1)
  // Another Fairway's, more often than not.
  assert.equal(releaseExit(releaseReport('keep', [], { released: [], left: [left('a/web', false)] })), 0)
})

test('of thousands of names twenty are shown, and the rest is counted', () => {
  const names = Array.from({ length: 50 }, (_, index) => `a/web-${index}`)
  const said = text('keep', [], { released: names, left: names.map((name) => left(name, true)) })
  assert.match(said, /a\/web-19, … \(50\)/)
  assert.match(said, /… and 30 more Services/)
  assert.match(said, /Not all is done\./)
})
