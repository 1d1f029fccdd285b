import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import * as fc from 'fast-check'
import { Workqueue } from '../../src/kube/workqueue.ts'
import { FakeClock } from '../unit/kube/fake-clock.ts'

const KEYS = ['a', 'b', 'c']
const key = fc.constantFrom(...KEYS)

/** What client-go's workqueue promises, in the plainest form: per key, whether it is dirty, worked on, and due at which time. */
class Model {
  readonly dirty = new Set<string>()
  readonly processing = new Set<string>()
  readonly due = new Map<string, number>()
  readonly failures = new Map<string, number>()
}

type Real = { readonly queue: Workqueue; readonly clock: FakeClock; readonly now: () => number }

class Add implements fc.Command<Model, Real> {
  readonly key: string
  constructor(of: string) {
    this.key = of
  }
  check = (): boolean => true
  run(model: Model, { queue }: Real): void {
    queue.add(this.key)
    model.dirty.add(this.key)
  }
  toString = (): string => `add ${this.key}`
}

class AddAfter implements fc.Command<Model, Real> {
  readonly key: string
  readonly delayMs: number
  constructor(of: string, delayMs: number) {
    this.key = of
    this.delayMs = delayMs
  }
  check = (): boolean => true
  run(model: Model, { queue, now }: Real): void {
    queue.addAfter(this.key, this.delayMs)
    if (this.delayMs <= 0) model.dirty.add(this.key)
    else model.due.set(this.key, Math.min(model.due.get(this.key) ?? Number.POSITIVE_INFINITY, now() + this.delayMs))
  }
  toString = (): string => `addAfter ${this.key} ${this.delayMs}`
}

class Retry implements fc.Command<Model, Real> {
  readonly key: string
  constructor(of: string) {
    this.key = of
  }
  check = (): boolean => true
  run(model: Model, { queue, now }: Real): void {
    const failures = model.failures.get(this.key) ?? 0
    model.failures.set(this.key, failures + 1)
    const delayMs = Math.min(100, 10 * 2 ** failures)
    assert.equal(queue.retry(this.key), delayMs)
    model.due.set(this.key, Math.min(model.due.get(this.key) ?? Number.POSITIVE_INFINITY, now() + delayMs))
  }
  toString = (): string => `retry ${this.key}`
}

class Forget implements fc.Command<Model, Real> {
  readonly key: string
  constructor(of: string) {
    this.key = of
  }
  check = (): boolean => true
  run(model: Model, { queue }: Real): void {
    queue.forget(this.key)
    model.failures.delete(this.key)
  }
  toString = (): string => `forget ${this.key}`
}

class Advance implements fc.Command<Model, Real> {
  readonly byMs: number
  constructor(byMs: number) {
    this.byMs = byMs
  }
  check = (): boolean => true
  run(model: Model, { clock, now }: Real): void {
    clock.advance(this.byMs)
    for (const [one, at] of model.due) {
      if (at > now()) continue
      model.due.delete(one)
      model.dirty.add(one)
    }
  }
  toString = (): string => `advance ${this.byMs}`
}

class Take implements fc.AsyncCommand<Model, Real> {
  check = (model: Readonly<Model>): boolean => [...model.dirty].some((one) => !model.processing.has(one))
  async run(model: Model, { queue }: Real): Promise<void> {
    const taken = await queue.take(new AbortController().signal)
    assert.ok(taken !== undefined && model.dirty.has(taken) && !model.processing.has(taken))
    model.dirty.delete(taken)
    model.processing.add(taken)
  }
  toString = (): string => 'take'
}

class Done implements fc.Command<Model, Real> {
  readonly key: string
  constructor(of: string) {
    this.key = of
  }
  check = (model: Readonly<Model>): boolean => model.processing.has(this.key)
  run(model: Model, { queue }: Real): void {
    queue.done(this.key)
    model.processing.delete(this.key)
  }
  toString = (): string => `done ${this.key}`
}

class Check implements fc.Command<Model, Real> {
  check = (): boolean => true
  run(model: Model, { queue, clock }: Real): void {
    assert.equal(queue.length, [...model.dirty].filter((one) => !model.processing.has(one)).length)
    assert.equal(clock.pending, model.due.size)
    for (const one of KEYS) assert.equal(queue.failures(one), model.failures.get(one) ?? 0)
  }
  toString = (): string => 'check'
}

test('the queue does what the model says', async () => {
  const commands: fc.Arbitrary<fc.AsyncCommand<Model, Real>>[] = [
    key.map((one) => new Add(one)),
    fc.tuple(key, fc.integer({ min: 0, max: 60 })).map(([one, delayMs]) => new AddAfter(one, delayMs)),
    key.map((one) => new Retry(one)),
    key.map((one) => new Forget(one)),
    fc.integer({ min: 1, max: 50 }).map((byMs) => new Advance(byMs)),
    fc.constant(new Take()),
    key.map((one) => new Done(one)),
    fc.constant(new Check()),
  ].map((one) => one as fc.Arbitrary<fc.AsyncCommand<Model, Real>>)
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: 80 }), async (run) => {
      const clock = new FakeClock()
      const queue = new Workqueue({ clock, baseMs: 10, capMs: 100 })
      await fc.asyncModelRun(() => ({ model: new Model(), real: { queue, clock, now: () => clock.now() } }), run)
    }),
    { numRuns: 300 },
  )
})

test('with workers in any interleaving, every change is worked on after it was made, and no key twice at once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(key, fc.integer({ min: 0, max: 3 })), { maxLength: 60 }), async (changes) => {
      const queue = new Workqueue({ clock: new FakeClock() })
      const wanted = new Map<string, number>()
      const seen = new Map<string, number>()
      const working = new Set<string>()
      const stop = new AbortController()
      const worker = async (turns: number): Promise<void> => {
        for (let taken = await queue.take(stop.signal); taken !== undefined; taken = await queue.take(stop.signal)) {
          assert.ok(!working.has(taken))
          working.add(taken)
          seen.set(taken, wanted.get(taken) ?? 0)
          for (let index = 0; index < turns; index += 1) await turn()
          working.delete(taken)
          queue.done(taken)
        }
      }
      const workers = [worker(0), worker(1), worker(3)]
      for (const [one, turns] of changes) {
        wanted.set(one, (wanted.get(one) ?? 0) + 1)
        queue.add(one)
        for (let index = 0; index < turns; index += 1) await turn()
      }
      queue.shutDown()
      await Promise.all(workers)
      assert.deepEqual(seen, wanted)
    }),
    { numRuns: 100 },
  )
})
