/** docs/security.md says of each threat which test shows that it is stopped: they are there, and each of ours is there for one. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'

const ROOT = resolve(import.meta.dirname, '../..')
const [, section = ''] = readFileSync(join(ROOT, 'docs/security.md'), 'utf8').split('\n| threat ')
const [table = ''] = section.split('\n\n')
const rows = table.split('\n').slice(2)

interface Witness {
  readonly file: string
  readonly name: string
}

/** Of a row: `test/x.test.ts` › _a part of the name of a test_ */
function witnessesOf(row: string): readonly Witness[] {
  return [...row.matchAll(/`(test\/[\w./-]+\.ts)` › _([^_]+)_/g)].map(([, file = '', name = '']) => ({ file, name }))
}

test('each threat has what stops it, and a test that shows it', () => {
  assert.ok(rows.length > 20)
  for (const row of rows) {
    const cells = row.split(' | ')
    assert.equal(cells.length, 3, row)
    assert.ok(witnessesOf(row).length > 0, row)
    // Nothing is named in another way, which nobody would look at.
    assert.equal(row.match(/test\/[\w./-]+\.ts/g)?.length, witnessesOf(row).length, row)
  }
})

test('each of these tests is there', () => {
  const missing = rows.flatMap(witnessesOf).filter(({ file, name }) => {
    const text = readFileSync(join(ROOT, file), 'utf8')
    const quoted = name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
    return !new RegExp(
      `(?:test|describe|Test)\\([^\\n]*\\n?[^\\n]*${quoted}|^ *'?[^\\n]*${quoted}[^\\n]*'?: `,
      'im',
    ).test(text)
  })
  assert.deepEqual(missing, [])
})

test('each file of tests about security is named', () => {
  const named = new Set(rows.flatMap(witnessesOf).map(({ file }) => file))
  const own = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test.ts') && name !== 'threats.test.ts')
  assert.deepEqual(
    own.filter((name) => !named.has(`test/security/${name}`)),
    [],
  )
})
