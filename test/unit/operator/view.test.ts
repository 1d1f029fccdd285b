import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FairwayError } from '../../../src/model/problems.ts'
import { frontendKey } from '../../../src/model/table.ts'
import { createPageWorld, type PageWorld } from '../../page/rig.ts'
import { node, pool, service } from '../../support/builders.ts'
import { createMemoryProxy } from '../../support/memory-driver.ts'
import { classBeside } from '../../support/operator-world.ts'

const AWAY = {
  code: 'ProxyUnreachable',
  kind: 'transient',
  message: 'proxy edge-1 is away',
  remedy: 'Start it',
} as const

function worldWith(...names: readonly string[]): PageWorld {
  const page = createPageWorld([pool('main', ['203.0.113.10-203.0.113.12'])])
  page.world.put(...names.map((name) => service(name)))
  return page
}

function keysOn(page: PageWorld, proxy: number): readonly string[] | undefined {
  return page.knowledge.classes()[0]?.proxies[proxy]?.observed?.table.frontends.map(frontendKey)
}

test('after the pass that wrote, what was written is known, without another reading', async () => {
  const page = worldWith('shop/web')
  assert.equal(page.knowledge.isRunning, true)
  assert.deepEqual(page.knowledge.classes(), [])
  await page.pass()
  assert.deepEqual(keysOn(page, 0), ['tcp/203.0.113.10:443'])
  assert.deepEqual(
    page.knowledge.changes().map(({ proxy, added, lines, failure }) => [proxy, added, lines, failure]),
    ['edge-2', 'edge-1'].map((proxy) => [proxy, 1, ['+ tcp/203.0.113.10:443  shop/web → 2 targets :30443'], undefined]),
  )
})

test('a pass over an unchanged world is no change, a node that goes is one', async () => {
  const page = worldWith('shop/web')
  await page.pass()
  await page.pass()
  assert.equal(page.knowledge.changes().length, 2)
  page.world.nodes = [node('n1', ['InternalIP 10.0.0.1'])]
  await page.pass()
  const [newest] = page.knowledge.changes()
  assert.deepEqual([newest?.added, newest?.updated, newest?.removed], [0, 1, 0])
  assert.deepEqual(newest?.lines, ['~ tcp/203.0.113.10:443  shop/web targets -10.0.0.2'])
})

test('a proxy that is away has no table, and gets it back', async () => {
  const page = worldWith('shop/web')
  const [proxy] = page.world.proxies
  assert.ok(proxy)
  await page.pass()
  proxy.broken = AWAY
  await page.pass()
  assert.equal(keysOn(page, 0), undefined)
  assert.equal(page.knowledge.classes()[0]?.proxies[0]?.problem?.code, 'ProxyUnreachable')
  assert.deepEqual(keysOn(page, 1), ['tcp/203.0.113.10:443'])
  proxy.broken = undefined
  await page.pass()
  assert.deepEqual(keysOn(page, 0), ['tcp/203.0.113.10:443'])
})

test('what a proxy refused is not taken for served', async () => {
  const page = worldWith('shop/web', 'shop/mail')
  const [proxy] = page.world.proxies
  assert.ok(proxy)
  proxy.refuses = new Map([['tcp/203.0.113.10:443', { ...AWAY, code: 'PortTaken' }]])
  await page.pass()
  assert.deepEqual(keysOn(page, 0), ['tcp/203.0.113.11:443'])
  assert.equal(page.knowledge.changes().find(({ proxy: name }) => name === 'edge-1')?.added, 1)
})

test('a class that the configuration has no more is forgotten', async () => {
  const page = worldWith('shop/web')
  await page.pass()
  page.knowledge.configured([classBeside(page.world, 'other')])
  assert.deepEqual(page.knowledge.classes(), [])
})

test('a write that fails alike at every pass is one change, and done it is another', async () => {
  const page = worldWith('shop/web')
  const [{ driver } = createMemoryProxy()] = page.world.proxies
  const apply = driver.apply.bind(driver)
  driver.apply = () => Promise.reject(new FairwayError({ ...AWAY, code: 'ProxyRejected' }))
  await page.pass()
  await page.pass()
  const failures = () => page.knowledge.changes().flatMap(({ proxy, failure }) => (proxy === 'edge-1' ? [failure] : []))
  assert.deepEqual(failures(), ['proxy edge-1 is away. Start it'])
  assert.deepEqual(page.knowledge.classes()[0]?.proxies[0]?.plan?.changes.length, 1)
  driver.apply = apply
  await page.pass()
  assert.deepEqual(failures(), [undefined, 'proxy edge-1 is away. Start it'])
})

test('a race that was lost, and is run again, is no change', async () => {
  const page = worldWith('shop/web')
  const [proxy] = page.world.proxies
  assert.ok(proxy)
  proxy.races = 1
  await page.pass()
  assert.deepEqual(
    new Map(page.knowledge.changes().map(({ proxy: name, failure }) => [name, failure])),
    new Map([
      ['edge-1', undefined],
      ['edge-2', undefined],
    ]),
  )
  assert.equal(page.knowledge.changes().length, 2)
})
