import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createAllocator } from '../../src/desired/allocate.ts'
import type { ServiceObject } from '../../src/kube/objects.ts'
import { demand, recorded } from '../support/allocations.ts'
import { classSpec, held, runs, service } from '../support/builders.ts'
import { services, settledWorld } from '../support/worlds.ts'

test('who allocates again and again gives what he would give at once', () => {
  const changes = fc.record({
    before: settledWorld,
    fates: fc.array(fc.constantFrom('stays', 'goes', 'is recorded', 'is made anew'), { maxLength: 9 }),
    order: fc.boolean(),
    come: services,
  })
  fc.assert(
    fc.property(changes, ({ before: { services: all, spec }, fates, order, come }) => {
      const wish = (one: ServiceObject) => demand(one, spec)
      const settled = recorded(all, spec)
      const first = all.map(wish)
      const then = first.flatMap((old, at) => {
        const fate = fates[at] ?? 'stays'
        const now = settled[at]
        if (fate === 'goes' || now === undefined) return []
        return fate === 'stays' ? old : fate === 'is recorded' ? wish(now) : wish(old.service)
      })
      const names = new Set(then.map(({ service: of }) => of.metadata.uid))
      const second = [...then, ...come.filter(({ metadata }) => !names.has(metadata.uid)).map(wish)]
      const allocateAgain = createAllocator(spec)
      const before = allocateAgain(first)
      const after = allocateAgain(order ? second : second.toReversed())
      assert.deepEqual(after, createAllocator(spec)(second))
      assert.deepEqual(allocateAgain(first), before)
    }),
    runs(1_000),
  )
})

test('who has all that he wants is given the same object, whatever becomes of others', () => {
  const spec = classSpec()
  const [content, ...others] = [
    service('content', { record: held('443/TCP', '203.0.113.10') }),
    service('newcomer'),
    service('another', { ports: ['80'] }),
  ].map((one) => demand(one, spec))
  assert.ok(content)
  const allocateAgain = createAllocator(spec)
  const given = [[content], [...others, content], [content, ...others.slice(1)]].map((all) =>
    allocateAgain(all).find((one) => one.demand === content),
  )
  assert.ok(given[0])
  for (const one of given) assert.equal(one, given[0])
})
