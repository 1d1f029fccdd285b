import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { compareLists, createMapper, createRecall, createSorter } from '../../../src/model/remember.ts'
import { runs } from '../../support/builders.ts'

interface Thing {
  readonly name: string
}

const things: readonly Thing[] = Array.from('abcdefgh', (name) => ({ name }))
const named = (names: string): readonly Thing[] =>
  names.split('').flatMap((name) => things.find((one) => one.name === name) ?? [])
const namesOf = (list: readonly Thing[]) => list.map(({ name }) => name).join('')

describe('compareLists', () => {
  const cases: readonly (readonly [before: string, after: string, gone: string, come: string])[] = [
    ['abc', 'abc', '', ''],
    ['abc', 'abdc', '', 'd'],
    ['abc', 'ac', 'b', ''],
    ['abc', 'adc', 'b', 'd'],
    ['abc', 'dbce', 'a', 'de'],
    ['', 'ab', '', 'ab'],
    ['ab', '', 'ab', ''],
    // Order is no difference.
    ['abc', 'cab', '', ''],
    ['abcd', 'dxca', 'b', ''],
  ]
  for (const [before, after, gone, come] of cases) {
    test(`${before || 'nothing'} to ${after || 'nothing'}: ${gone || 'nothing'} is gone, ${come || 'nothing'} has come`, () => {
      const difference = compareLists(named(before), named(after))
      assert.deepEqual([namesOf(difference.gone), namesOf(difference.come)], [gone, come])
    })
  }
})

const lists = fc.array(fc.shuffledSubarray([...things]), { maxLength: 6 })

describe('a mapper', () => {
  test('makes of each list what it would make of it alone, and of each element of the last list once', () => {
    fc.assert(
      fc.property(lists, (all) => {
        const made: Thing[] = []
        const map = createMapper((one: Thing) => {
          made.push(one)
          return { of: one }
        })
        let last: readonly Thing[] = []
        for (const list of all) {
          made.length = 0
          assert.deepEqual(
            map(list).map(({ of }) => of),
            list,
          )
          assert.deepEqual(
            made,
            list.filter((one) => !last.includes(one)),
          )
          last = list
        }
      }),
      runs(300),
    )
  })

  test('gives the same list for the same elements', () => {
    const map = createMapper((one: Thing) => ({ of: one }))
    const first = map(named('abc'))
    assert.equal(map(named('abc')), first)
    assert.notEqual(map(named('ab')), first)
  })

  test('asks again for what is undefined', () => {
    const map = createMapper((one: Thing) => (one.name === 'b' ? undefined : one))
    assert.deepEqual(map(named('abc')), [things[0], undefined, things[2]])
    assert.deepEqual(map(named('dbca')), [things[3], undefined, things[2], things[0]])
  })

  test('makes anew what is stale in the context of now, and leaves the rest', () => {
    const map = createMapper(
      (one: Thing, limit: number) => ({ of: one, limit }),
      (made, limit) => made.of.name === 'b' && made.limit !== limit,
    )
    const list = named('abc')
    const first = map(list, 1)
    assert.equal(map(list, 1), first)
    const second = map(list, 2)
    assert.deepEqual(
      second.map(({ limit }) => limit),
      [1, 2, 1],
    )
    assert.equal(second[0], first[0])
  })
})

const sortByName = (list: readonly Thing[]) => list.toSorted((a, b) => (a.name < b.name ? -1 : 1))

describe('a sorter', () => {
  const bigger = Array.from({ length: 40 }, (_, number) => ({ name: String(number).padStart(2, '0') }))

  test('sorts as if each list were the first', () => {
    fc.assert(
      fc.property(
        fc.array(fc.shuffledSubarray(bigger), { maxLength: 3 }),
        fc.shuffledSubarray(bigger, { maxLength: 3 }),
        (all, few) => {
          const sort = createSorter(({ name }: Thing) => name, sortByName)
          for (const list of all) {
            assert.deepEqual(sort(list), sortByName(list))
            // The few are what changes in a list that stays, too.
            const others = list.filter((one) => !few.includes(one))
            assert.deepEqual(sort(others), sortByName(others))
            assert.deepEqual(sort([...few, ...others]), sortByName([...few, ...others]))
          }
        },
      ),
      runs(300),
    )
  })

  test('gives the same list for the same elements in any order', () => {
    const sort = createSorter(({ name }: Thing) => name, sortByName)
    const first = sort(named('cab'))
    assert.equal(sort(named('bca')), first)
  })
})

describe('a recall', () => {
  const [source, other] = [{}, {}]
  const rounds = (...asked: readonly (readonly object[] | undefined)[]) => {
    const recall = createRecall<{ readonly text: string }>((a, b) => a.text === b.text)
    return asked.map((from, index) => {
      recall.next()
      return (
        from &&
        recall.get(
          'id',
          () => from,
          () => ({ text: from.includes(other) ? 'other' : `found ${index}` }),
        )
      )
    })
  }

  test('finds once in a round', () => {
    const recall = createRecall<object>(() => false)
    recall.next()
    const first = recall.get(
      'id',
      () => [source],
      () => ({}),
    )
    assert.equal(
      recall.get(
        'id',
        () => [other],
        () => ({}),
      ),
      first,
    )
    assert.notEqual(
      recall.get(
        'another id',
        () => [source],
        () => ({}),
      ),
      first,
    )
  })

  test('finds again where the sources are other objects, and forgets what was not asked for', () => {
    const [first, same, forgotten, again] = rounds([source], [source], undefined, [source])
    assert.equal(same, first)
    assert.equal(forgotten, undefined)
    assert.notEqual(again, first)
    const [one, more] = rounds([source], [source, source])
    assert.notEqual(more, one)
  })

  test('keeps the object where what is found anew is the same', () => {
    const [first, second] = rounds([other], [other, source])
    assert.equal(second, first)
  })
})
