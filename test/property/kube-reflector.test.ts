import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { ServiceObject } from '../../src/kube/objects.ts'
import { keepService } from '../../src/kube/resources.ts'
import type { StoreChange } from '../../src/kube/store.ts'
import { refuse } from '../support/fake-api-server.ts'
import { eventually } from '../unit/kube/fake-clock.ts'
import { isWatch, PATH, ReflectorHarness, service } from '../unit/kube/reflector-harness.ts'

type Action =
  | { readonly kind: 'put' | 'remove'; readonly name: string; readonly port: number }
  | { readonly kind: 'end' | 'cut' | 'bookmark' | 'compact' | 'settle' | 'note' | 'old server' | 'new server' }
  | { readonly kind: 'fault'; readonly status: number; readonly on: 'watch' | 'any' }

const name = fc.constantFrom('a', 'b', 'c', 'd')
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('put' as const, 'put' as const, 'remove' as const),
      name,
      port: fc.integer({ min: 1, max: 9 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('end', 'cut', 'bookmark', 'compact', 'settle', 'note', 'old server', 'new server'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('fault' as const),
      status: fc.constantFrom(0, 401, 410, 429, 500),
      on: fc.constantFrom('watch' as const, 'any' as const),
    }),
  },
)

function perform(h: ReflectorHarness, step: Action): void {
  const { server } = h
  switch (step.kind) {
    case 'put':
      server.put(PATH, service(step.name, step.port))
      break
    case 'remove':
      server.remove(PATH, 'ns', step.name)
      break
    case 'end':
    case 'cut':
      server.endWatches(step.kind)
      break
    case 'bookmark':
      server.bookmark()
      break
    case 'compact':
      server.compact()
      break
    case 'old server':
    case 'new server':
      server.streamingLists = step.kind === 'new server'
      break
    case 'note':
      // A write of our own, whose answer comes before its event.
      if (server.get(PATH, 'ns', 'a') !== undefined) noteWrite(h)
      break
    case 'fault': {
      const matches = step.on === 'watch' ? isWatch : () => true
      server.fault(
        matches,
        step.status === 0
          ? (_request, response) => void response.socket?.destroy()
          : refuse(step.status, step.status === 410 ? 'Expired' : 'Refused'),
      )
      break
    }
    case 'settle':
      break
    default:
      step satisfies never
  }
}

function noteWrite(h: ReflectorHarness): void {
  const written = keepService(h.server.put(PATH, service('a', 10)))
  if (written !== undefined) h.reflector.store.note(written)
}

/** What listeners were told adds up: each change begins where the last one of that name ended, and no incarnation comes back. */
class Ledger {
  readonly known = new Map<string, ServiceObject>()
  readonly #gone = new Set<string>()

  take({ before, after }: StoreChange<ServiceObject>): void {
    const key = (after ?? before)?.metadata.name
    if (key === undefined) return
    assert.equal(before?.metadata.uid, this.known.get(key)?.metadata.uid)
    if (after === undefined) {
      this.#gone.add(before?.metadata.uid ?? '')
      this.known.delete(key)
      return
    }
    assert.ok(before === undefined || before.metadata.uid === after.metadata.uid, 'two objects were told as one')
    assert.ok(!this.#gone.has(after.metadata.uid), 'an object rose from the dead')
    this.known.set(key, after)
  }
}

function ports(objects: Iterable<ServiceObject>): unknown {
  return new Map([...objects].map(({ metadata, spec }) => [metadata.uid, spec.ports[0]?.port]))
}

function content(objects: Iterable<ServiceObject | undefined>): unknown {
  return [...objects]
    .map(
      (object) =>
        [
          object?.metadata.name,
          object?.metadata.uid,
          object?.metadata.resourceVersion,
          object?.spec.ports[0]?.port,
        ] as const,
    )
    .toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1))
}

test('after any order of events and faults the store equals the collection', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
      const h = await ReflectorHarness.create()
      try {
        const ledger = new Ledger()
        const failures: unknown[] = []
        h.reflector.store.onChange((change) => {
          try {
            ledger.take(change)
          } catch (error) {
            failures.push(error)
          }
        })
        h.start()
        const settled = (): boolean => h.watching() && sameAsServer(h)
        for (const step of actions) {
          perform(h, step)
          if (step.kind === 'settle') await h.through(settled)
          else if (h.reflector.state === 'waiting') h.clock.advance(1000)
        }
        await h.through(settled)
        await eventually(() => settled())
        assert.deepEqual(failures, [])
        assert.deepEqual(ports(ledger.known.values()), ports(h.reflector.store.list()))
      } finally {
        await h.close()
      }
    }),
    { numRuns: 100 },
  )
})

function sameAsServer(h: ReflectorHarness): boolean {
  const truth = h.server.list(PATH).map(keepService)
  return JSON.stringify(content(truth)) === JSON.stringify(content(h.reflector.store.list()))
}
