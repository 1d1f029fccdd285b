import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sourceOf } from '../../../src/cli/page.ts'
import type { FixedFrontend } from '../../../src/desired/spec.ts'
import { MOST_TROUBLES, type View } from '../../../src/model/view.ts'
import { createPageWorld, type PageWorld, smallWorld } from '../../page/rig.ts'
import { node, pool, service } from '../../support/builders.ts'

function viewOf({ knowledge }: PageWorld): View {
  const source = sourceOf(knowledge, { cluster: 'lab', isElected: false, caches: { troubles: () => ({}) } })
  const view = source.view()
  assert.ok(view)
  return view
}

/** `default/web 203.0.113.10:443 served edge-1=served edge-2=served` */
function lines({ frontends }: View): readonly string[] {
  return frontends.map(({ service: name, socket, state, on }) =>
    [name ?? 'configuration', socket ?? '-', state, ...on.map((one) => `${one.proxy}=${one.state}`)].join(' '),
  )
}

const API: FixedFrontend = {
  name: 'api',
  addresses: ['203.0.113.10'],
  port: 6443,
  protocol: 'TCP',
  targetPort: 6443,
  targets: { kind: 'addresses', addresses: ['10.0.0.1'] },
  sourceRanges: [],
  settings: {},
}

test('before the first pass there is no view', () => {
  const { knowledge } = createPageWorld([])
  const source = sourceOf(knowledge, {
    cluster: 'lab',
    isElected: true,
    caches: { troubles: () => ({ nodes: 'gone' }) },
  })
  assert.equal(source.view(), undefined)
  assert.deepEqual(source.pulse(), { role: 'leading', passes: [], troubles: { nodes: 'gone' } })
})

test('frontends of the configuration, of Services, and Services that wait, each with what every proxy makes of it', async () => {
  assert.deepEqual(lines(viewOf(await smallWorld())), [
    'infra/dns - waiting',
    'mail/postfix 203.0.113.10:25 in part edge-1=served edge-2=unknown',
    'shop/web 203.0.113.11:80 in part edge-1=served edge-2=unknown',
    'shop/web 203.0.113.11:443 in part edge-1=served edge-2=unknown',
  ])
  const page = createPageWorld([pool('main', ['203.0.113.10'])])
  page.world.running = { ...page.world.running, spec: { ...page.world.running.spec, fixed: [API] } }
  await page.pass()
  const view = viewOf(page)
  assert.deepEqual(lines(view), ['configuration 203.0.113.10:6443 served edge-1=served edge-2=served'])
  assert.deepEqual(view.classes[0]?.pools[0]?.addresses, [{ address: '203.0.113.10', users: 1 }])
})

test('a frontend is due only where its pool sends it', async () => {
  const page = createPageWorld([
    pool('one', ['203.0.113.10'], { proxies: ['edge-1'] }),
    pool('two', ['198.51.100.10'], { proxies: ['edge-2'] }),
  ])
  page.world.put(service('web'))
  await page.pass()
  assert.deepEqual(lines(viewOf(page)).toSorted(), [
    'default/web 198.51.100.10:443 served edge-2=served',
    'default/web 203.0.113.10:443 served edge-1=served',
  ])
})

test('a small pool is shown whole, of a large one what is used; an IPv6 range is counted and not listed', async () => {
  const page = createPageWorld([pool('small', ['203.0.113.10-203.0.113.11']), pool('six', ['2001:db8::/64'])])
  page.world.put(service('web'), service('six', { spec: { ipFamilies: ['IPv6'] } }))
  page.world.nodes = [node('n1', ['InternalIP 10.0.0.1', 'InternalIP 2001:db8:1::1'])]
  await page.pass()
  const pools = viewOf(page).classes[0]?.pools.map(({ name, used, free, isWhole, addresses }) => ({
    [name]: [used, free, isWhole, addresses.map(({ address, users }) => `${address} ${users}`)],
  }))
  assert.deepEqual(pools, [
    { small: [1, '1', true, ['203.0.113.10 1', '203.0.113.11 0']] },
    { six: [1, '18446744073709551615', false, ['2001:db8:: 1']] },
  ])
})

test('thousands of problems are counted, and the first are sent', async () => {
  const page = createPageWorld([pool('main', ['203.0.113.10'])])
  page.world.put(...Array.from({ length: MOST_TROUBLES + 50 }, (_, index) => service(`ns-${index}/web`)))
  await page.pass()
  const { troubles, troubleCount, frontends } = viewOf(page)
  assert.deepEqual([troubles.length, troubleCount], [MOST_TROUBLES, MOST_TROUBLES + 49])
  const waiting = frontends.filter(({ state }) => state === 'waiting')
  assert.equal(waiting.length, MOST_TROUBLES + 49)
  assert.ok(waiting.every(({ trouble }) => trouble?.remedy !== undefined))
})

test('a node has as many frontends as lead to it, whatever its state', async () => {
  const { nodes } = viewOf(await smallWorld())
  assert.deepEqual(
    nodes.map(({ name, state, frontends }) => `${name} ${state} ${frontends}`),
    ['worker-1 ready 3', 'worker-2 cordoned 3', 'worker-3 not ready 0'],
  )
})

test('a view says the same as long as nothing changes, and no password', async () => {
  const page = await smallWorld()
  const before = JSON.stringify(viewOf(page))
  await page.pass()
  assert.equal(JSON.stringify(viewOf(page)), before)
  assert.doesNotMatch(before, /secret/)
  assert.match(before, /caddy https:\/\/edge-1\.example:2021"/)
})
