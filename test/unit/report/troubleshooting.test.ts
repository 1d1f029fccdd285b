/** docs/troubleshooting.md lists every code that there is, and none that there is not. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'

const ROOT = resolve(import.meta.dirname, '../../..')

test('each code has a row, in their order, and each row a code', () => {
  const source = readFileSync(resolve(ROOT, 'src/model/problems.ts'), 'utf8')
  const codes = [...source.matchAll(/^ {2}\| '(\w+)'$/gm)].map(([, code = '']) => code)
  const document = readFileSync(resolve(ROOT, 'docs/troubleshooting.md'), 'utf8').split('\n## Every code\n')[1] ?? ''
  const rows = [...document.matchAll(/^\| `(\w+)` +\| [^|]+\| [^|]+\| [^|]+\|$/gm)].map(([, code = '']) => code)
  assert.ok(codes.length > 30, 'the codes were not found')
  assert.deepEqual(rows, codes.toSorted())
})
