import assert from 'node:assert/strict'
import { beforeEach, suite, test } from 'node:test'
import type { ServiceObject } from '../../../src/kube/objects.ts'
import { keepService } from '../../../src/kube/resources.ts'
import { isOlder, Store, whenSynced } from '../../../src/kube/store.ts'
import { FakeClock } from './fake-clock.ts'

let clock: FakeClock
let store: Store<ServiceObject>
let changes: string[]

beforeEach(() => {
  clock = new FakeClock()
  changes = []
  store = new Store<ServiceObject>(clock, () => changes.push('listener threw'))
  store.onChange(({ before, after, source }) => {
    changes.push(`${source} ${before?.metadata.resourceVersion ?? '-'} ${after?.metadata.resourceVersion ?? '-'}`)
  })
})

function service(resourceVersion: number, { name = 'a', uid = 'u', port = resourceVersion } = {}): ServiceObject {
  const raw = {
    metadata: { namespace: 'ns', name, uid, resourceVersion: String(resourceVersion) },
    spec: { ports: [{ port, protocol: 'TCP' }] },
  }
  const kept = keepService(raw)
  assert.ok(kept)
  return kept
}

const id = (object: ServiceObject) => ({ key: `ns/${object.metadata.name}`, ...object.metadata })
const version = (): string | undefined => store.get('ns', 'a')?.metadata.resourceVersion

test('versions compare as numbers of any length, and anything else as not older', () => {
  assert.equal(isOlder('9', '10'), true)
  assert.equal(isOlder('10', '9'), false)
  assert.equal(isOlder('99999999999999999998', '99999999999999999999'), true)
  assert.equal(isOlder('7', '7'), false)
  for (const odd of ['', '0', '01', 'x', '1e3']) assert.equal(isOlder(odd, '5'), false)
})

test('the list is sorted, and made anew only after a change', () => {
  store.replace([service(2, { name: 'b', uid: 'v' }), service(1)])
  const list = store.list()
  assert.deepEqual(
    list.map(({ metadata }) => metadata.name),
    ['a', 'b'],
  )
  assert.equal(store.list(), list)
  store.apply(service(3))
  assert.notEqual(store.list(), list)
})

test('an event that changes no field we keep moves the version and is told to nobody', () => {
  store.replace([service(1, { port: 80 })])
  changes = []
  store.apply(service(2, { port: 80 }))
  assert.deepEqual([changes, version()], [[], '2'])
  store.apply(service(3, { port: 81 }))
  assert.deepEqual(changes, ['watch 2 3'])
})

suite('a noted write', () => {
  test('is seen at once, and older events do not undo it', () => {
    store.replace([service(1)])
    store.note(service(5))
    assert.equal(version(), '5')
    store.apply(service(3))
    assert.equal(version(), '5')
    store.apply(service(5))
    store.apply(service(6))
    assert.equal(version(), '6')
    assert.deepEqual(changes.slice(2), ['write 1 5', 'watch 5 6'])
  })

  test('outlives a list that is older than it, not one that is newer', () => {
    store.replace([service(1)])
    store.note(service(5))
    store.replace([service(4)])
    assert.equal(version(), '5')
    store.replace([service(7)])
    assert.equal(version(), '7')
  })

  test('does not bring back what the watch has removed, or another incarnation', () => {
    store.replace([service(1)])
    store.remove(id(service(6)))
    store.note(service(5))
    assert.equal(version(), undefined)
    store.apply(service(8, { uid: 'other' }))
    store.note(service(9))
    assert.deepEqual([version(), store.get('ns', 'a')?.metadata.uid], ['8', 'other'])
  })

  test('that is older than the cache is ignored: the watch was faster', () => {
    store.replace([service(9)])
    store.note(service(5))
    assert.equal(version(), '9')
  })

  test('yields after a minute: a restored cluster counts from anew', () => {
    store.replace([service(1)])
    store.note(service(500))
    clock.advance(60_000)
    store.apply(service(3))
    assert.equal(version(), '3')
  })
})

test('the end of one incarnation is not the end of the next', () => {
  store.replace([service(1)])
  store.apply(service(4, { uid: 'next' }))
  store.remove(id(service(3)))
  assert.deepEqual(changes.slice(2), ['watch 1 -', 'watch - 4'])
  assert.equal(version(), '4')
  store.remove(id(service(5, { uid: 'next' })))
  assert.equal(version(), undefined)
})

test('one listener that throws does not keep others from hearing', () => {
  const heard: string[] = []
  store.onChange(() => {
    throw new Error('no')
  })
  const unlisten = store.onChange(() => void heard.push('x'))
  store.replace([])
  unlisten()
  store.apply(service(1))
  assert.deepEqual([heard, changes.filter((line) => line === 'listener threw').length], [['x'], 2])
})

test('waiting for a store ends with the first list, or with the signal', async () => {
  const waiting = whenSynced(store, new AbortController().signal)
  const reason = new Error('stop')
  const refused = whenSynced(store, AbortSignal.abort(reason))
  store.replace([])
  await waiting
  await assert.rejects(refused, reason)
  await whenSynced(store, new AbortController().signal)
})
