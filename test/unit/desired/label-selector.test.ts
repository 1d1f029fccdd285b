import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { matchesSelector, parseSelector } from '../../../src/desired/label-selector.ts'

describe('label selectors', () => {
  const LABELS = { role: 'edge', zone: 'a', 'example.org/tier': '1', empty: '' }
  const table: readonly (readonly [selector: string, matches: boolean | undefined])[] = [
    ['', true],
    [' ', true],
    ['role=edge', true],
    ['role==edge', true],
    ['role = edge', true],
    ['role=core', false],
    ['role!=edge', false],
    ['role!=core', true],
    ['absent!=x', true],
    ['role in (edge,core)', true],
    ['role in (core)', false],
    ['absent in (x)', false],
    ['zone notin (a,b)', false],
    ['zone notin (b, c)', true],
    ['absent notin (x)', true],
    ['role', true],
    ['absent', false],
    ['!role', false],
    ['!absent', true],
    ['! absent', true],
    ['empty=', true],
    ['role=', false],
    ['example.org/tier=1', true],
    ['role=edge,zone=a,!absent', true],
    ['role=edge,zone=b', false],
    ['role in (edge,core),zone notin (b)', true],
    ['toString', false],
    ['!toString', true],
    ['toString=x', false],
    [',', undefined],
    ['role=edge,', undefined],
    ['=edge', undefined],
    ['role in edge', undefined],
    ['role in (edge', undefined],
    ['role in (edge))', undefined],
    ['role in ((edge))', undefined],
    ['role in (ed ge)', undefined],
    ['role=edge core', undefined],
    ['role>1', undefined],
    ['-role', undefined],
    ['role={env.HOME}', undefined],
    ['role=a;b', undefined],
  ]
  for (const [text, expected] of table) {
    test(`"${text}" ${expected === undefined ? 'is malformed' : expected ? 'matches' : 'does not match'}`, () => {
      const selector = parseSelector(text)
      assert.equal(selector && matchesSelector(selector, LABELS), expected)
    })
  }

  test('a hostile text is refused at once', () => {
    const hostile = [
      `a in (${Array.from({ length: 500 }, () => 'x').join(',')})!`,
      `a in (${',  '.repeat(400)})!`,
      ','.repeat(200_000),
      'a'.repeat(200_000),
      `a${' '.repeat(1_900)}!`,
    ]
    const start = performance.now()
    assert.deepEqual(
      hostile.map(parseSelector),
      hostile.map(() => undefined),
    )
    assert.ok(performance.now() - start < 500)
  })
})
