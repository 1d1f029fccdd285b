import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FrontendView } from '../../../src/model/view.ts'
import { createSearch } from '../../../src/server/page/search.js'
import { counted, freeRuns, groupTroubles, shortNumber, since, splitSocket } from '../../../src/server/page/words.js'

test('counts are short, and right in number', () => {
  assert.deepEqual(
    [counted(0, 'proxy'), counted(1, 'proxy'), counted(1_200, 'frontend')],
    ['0 proxies', '1 proxy', '1,200 frontends'],
  )
  assert.equal(shortNumber('254'), '254')
  assert.equal(shortNumber('18446744073709551616'), '1.8 × 10¹⁹')
})

test('times are as long as they need to be', () => {
  const cases = [
    [0, '0 s'],
    [89_000, '89 s'],
    [90_000, '2 min'],
    [7_200_000, '2 h'],
    [172_800_000, '2 days'],
    [-5_000, '0 s'],
  ] as const
  for (const [ms, text] of cases) assert.equal(since('2026-01-01T00:00:00Z', Date.UTC(2026, 0, 1) + ms), text)
})

test('a socket is taken apart in both families', () => {
  assert.deepEqual(splitSocket('203.0.113.10:443'), ['203.0.113.10', '443'])
  assert.deepEqual(splitSocket('[2001:db8::1]:443'), ['2001:db8::1', '443'])
})

test('free addresses in a row are one text', () => {
  const addresses = [1, 0, 0, 0, 2, 0].map((users, index) => ({ address: `10.0.0.${index}`, users }))
  assert.deepEqual(freeRuns({ addresses }), ['10.0.0.1 – 10.0.0.3', '10.0.0.5'])
  assert.deepEqual(freeRuns({ addresses: [] }), [])
})

function trouble(about: string, code: string) {
  return { about, code, message: `${about} ${code}`, remedy: 'Do it' }
}

test('many problems of one code are one, few stay on their own, and the order is kept', () => {
  const many = Array.from({ length: 4 }, (_, index) => trouble(`Service a/${index}`, 'PoolExhausted'))
  const groups = groupTroubles([
    trouble('proxy edge-1', 'ProxyUnreachable'),
    ...many,
    trouble('Service b/1', 'PortTaken'),
  ])
  assert.deepEqual(
    groups.map(({ code, all }) => [code, all.length]),
    [
      ['ProxyUnreachable', 1],
      ['PoolExhausted', 4],
      ['PortTaken', 1],
    ],
  )
})

const FRONTEND: FrontendView = {
  id: '1',
  className: 'public',
  socket: '203.0.113.10:443',
  protocol: 'TCP',
  hosts: [],
  service: 'shop/web',
  state: 'served',
  on: [{ proxy: 'edge-1', state: 'served' }],
  group: 0,
  targetPort: 30443,
  settings: [],
  since: undefined,
  trouble: undefined,
}

test('each word must be somewhere: in the frontend, or in the names of its targets', () => {
  const other = { ...FRONTEND, id: '2', service: 'mail/postfix', hosts: ['mx.example'], group: undefined }
  const groups = [{ targets: [{ name: 'worker-7', address: '10.0.0.7' }] }]
  const search = createSearch([FRONTEND, other], groups)
  const found = (words: string) => search({ words, filter: 'all', className: '' }).map(({ id }) => id)
  assert.deepEqual(found(''), ['1', '2'])
  assert.deepEqual(found('WEB 443'), ['1'])
  assert.deepEqual(found('web worker-7'), ['1'])
  assert.deepEqual(found('10.0.0.7 postfix'), [])
  assert.deepEqual(found('mx.ex'), ['2'])
  assert.deepEqual(found('(.*'), [])
})

test('filters tell what clients reach from what is wrong; one may be both', () => {
  const partly: FrontendView = {
    ...FRONTEND,
    id: 'part',
    state: 'in part',
    on: [
      { proxy: 'edge-1', state: 'served' },
      { proxy: 'edge-2', state: 'unknown' },
    ],
  }
  const waiting: FrontendView = { ...FRONTEND, id: 'wait', className: '', socket: undefined, state: 'waiting', on: [] }
  const search = createSearch([FRONTEND, partly, waiting], [])
  const found = (filter: 'all' | 'problems' | 'served' | 'waiting', className = '') =>
    search({ words: '', filter, className }).map(({ id }) => id)
  assert.deepEqual(found('served'), ['1', 'part'])
  assert.deepEqual(found('problems'), ['part', 'wait'])
  assert.deepEqual(found('waiting'), ['wait'])
  assert.deepEqual(found('all', 'public'), ['1', 'part'])
})
