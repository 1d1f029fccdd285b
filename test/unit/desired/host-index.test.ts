import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createHostIndex } from '../../../src/desired/host-index.ts'
import { coversHost } from '../../../src/model/hosts.ts'

const TABLE: readonly (readonly [held: string, asked: string, taken: boolean])[] = [
  ['a.example', 'a.example', true],
  ['a.example', 'b.example', false],
  ['*.example', 'a.example', true],
  ['a.example', '*.example', true],
  ['*.example', '*.example', true],
  // A wildcard stands for exactly one label.
  ['*.example', 'example', false],
  ['*.example', 'x.a.example', false],
  ['x.a.example', '*.example', false],
  ['*.example', '*.a.example', false],
  ['*.a.example', '*.example', false],
  ['*.a.example', 'a.example', false],
  ['localhost', 'localhost', true],
  ['localhost', '*.localhost', false],
  ['*.localhost', 'localhost', false],
  ['*.localhost', 'x.localhost', true],
]

describe('a host that somebody holds is in the way of', () => {
  for (const [held, asked, taken] of TABLE) {
    test(`${held}, ${asked}: ${taken ? 'yes' : 'no'}`, () => {
      const index = createHostIndex<string>()
      index.claim(held, 'first')
      assert.deepEqual(index.find(asked, 'second'), taken ? { holder: 'first', host: held } : undefined)
      assert.equal(index.find(asked, 'first'), undefined, 'never its own')
      assert.equal(coversHost(held, asked) || coversHost(asked, held), taken)
    })
  }
})

test('whoever comes first has a host; behind a wildcard of the asking one somebody else is found', () => {
  const index = createHostIndex<string>()
  for (const [host, holder] of [
    ['a.example', 'first'],
    ['a.example', 'second'],
    ['b.example', 'second'],
  ] as const)
    index.claim(host, holder)
  assert.deepEqual(index.find('a.example', 'second'), { holder: 'first', host: 'a.example' })
  assert.deepEqual(index.find('*.example', 'first'), { holder: 'second', host: 'b.example' })
})
