import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { assignPorts } from '../../../src/drivers/webhook/assign.ts'
import { closeCall, openCall } from '../../../src/drivers/webhook/calls.ts'
import { readKey } from '../../../src/drivers/webhook/closing.ts'
import { judgeAnswer } from '../../../src/drivers/webhook/errors.ts'
import type { Problem } from '../../../src/model/problems.ts'
import { type Frontend, frontendKey, makeTable, type Target } from '../../../src/model/table.ts'
import { frontend, runs } from '../../support/builders.ts'
import { OPTIONS } from './webhook-rig.ts'

const NODES: readonly Target[] = [
  { name: 'n1', address: '10.0.0.1' },
  { name: 'n2', address: '10.0.0.2' },
]

function assign(frontends: readonly Frontend[], targets = NODES, holders: readonly (readonly [number, string])[] = []) {
  return assignPorts(makeTable(frontends, [{ id: 'nodes', targets }]), new Map(holders), OPTIONS)
}

describe('answers', () => {
  const cases: readonly (readonly [what: string, status: number, body: string, expected: string, type?: string])[] = [
    ['taken', 200, '', 'good'],
    ['with the script’s words', 200, 'Configuration file is valid', 'good'],
    ['another status of success', 202, 'ok', 'good'],
    ['a wrong token', 200, 'Hook rules were not satisfied.', 'ProxyUnauthorized terminal'],
    ['a wrong token with a status of its own', 403, 'Hook rules were not satisfied.', 'ProxyUnauthorized terminal'],
    ['a gateway that wants a password', 401, 'Authorization required', 'ProxyUnauthorized terminal'],
    ['another hook', 404, 'Hook not found.', 'ProxyRejected terminal'],
    ['a script that fails', 500, 'Error occurred while executing the hook’s command.', 'ProxyRejected transient'],
    ['a page', 200, '<html>Welcome to nginx!</html>', 'ProxyUnreachable transient', 'text/html'],
    ['another method', 405, '', 'ProxyUnreachable transient'],
    ['somewhere else', 301, '', 'ProxyUnreachable transient'],
    ['a gateway', 502, 'Bad gateway', 'ProxyUnreachable transient'],
  ]
  for (const [what, status, body, expected, type] of cases) {
    test(what, () => {
      const problem = judgeAnswer(OPTIONS, status, type, body)
      assert.equal(problem === undefined ? 'good' : `${problem.code} ${problem.kind}`, expected)
      if (problem !== undefined)
        assert.ok(problem.message.includes('proxy vm-1 at http://127.0.0.1:1/hooks/update-haproxy'))
    })
  }
})

describe('ports', () => {
  const wishes: readonly (readonly [what: string, wish: Partial<Frontend>, code: Problem['code']])[] = [
    ['UDP', { protocol: 'UDP' }, 'ProtocolUnsupported'],
    ['IPv6', { address: '2001:db8::10' }, 'Unsupported'],
    ['another PROXY header', { proxyProtocol: 'v2' }, 'Unsupported'],
    ['another balance', { balance: 'random' }, 'Unsupported'],
    ['source ranges', { sourceRanges: ['192.0.2.0/24'] }, 'Unsupported'],
    ['hosts', { hosts: ['a.example'] }, 'Unsupported'],
    ['limits', { maxConnections: 5 }, 'Unsupported'],
    ['idle timeouts', { idleTimeoutMs: 1_000 }, 'Unsupported'],
    ['affinity', { balance: 'source', affinityMs: 1_000 }, 'Unsupported'],
  ]
  for (const [what, wish, code] of wishes) {
    test(`${what}: refused for that frontend alone`, () => {
      const good = frontend({ port: 80 })
      const { calls, refused } = assign([good, frontend({ port: 443, ...wish })])
      assert.deepEqual([...calls.keys()], [80])
      assert.deepEqual(
        refused.map(({ problem }) => [problem.code, problem.kind]),
        [[code, 'unsupported']],
      )
    })
  }

  test('the one target of a port is named with the one that takes its place', () => {
    const { calls, notices } = assign([frontend()])
    const first = calls.get(443)?.call['dst-ip'] === '10.0.0.1' ? 'n1 (10.0.0.1)' : 'n2 (10.0.0.2)'
    const next = first.startsWith('n1') ? 'n2 (10.0.0.2)' : 'n1 (10.0.0.1)'
    assert.equal(
      notices[0]?.problem.message,
      `tcp/203.0.113.10:443 on proxy vm-1 leads to ${first} alone, and to ${next} once that is gone: its script has one server a port`,
    )
    assert.deepEqual(assign([frontend()], NODES.slice(0, 1)).notices, [])
  })

  test('who goes is followed by who was named, and nobody else moves', () => {
    const nodes = Array.from({ length: 8 }, (_, at) => ({ name: `n${at}`, address: `10.0.0.${at}` }))
    const [leader, next] = [0, 1].map((gone) => {
      const first = assign([frontend()], nodes).calls.get(443)?.call['dst-ip']
      return gone === 0
        ? first
        : assign(
            [frontend()],
            nodes.filter(({ address }) => address !== first),
          ).calls.get(443)?.call['dst-ip']
    })
    const { notices } = assign([frontend()], nodes)
    assert.ok(notices[0]?.problem.message.includes(`(${leader}) alone, and to n${next?.at(-1)} (${next})`))
  })

  test('IPv6 targets are passed over, and told where there are no others', () => {
    const v6 = { name: 'n3', address: '2001:db8::3' }
    assert.equal(assign([frontend()], [v6, ...NODES.slice(0, 1)]).calls.get(443)?.call['dst-ip'], '10.0.0.1')
    assert.deepEqual(
      assign([frontend()], [v6]).refused.map(({ problem }) => problem.code),
      ['TargetRefused'],
    )
    const evil = { name: 'n4', address: '$(id)' }
    assert.deepEqual(
      assign([frontend()], [evil]).refused.map(({ problem }) => problem.code),
      ['TargetRefused'],
    )
  })

  test('a target’s own port counts', () => {
    const call = assign([frontend()], [{ name: 'p', address: '10.244.0.7', port: 8_443 }]).calls.get(443)?.call
    assert.equal(call?.['backend-port'], '8443')
  })

  test('of two addresses the one that has a port keeps it', () => {
    const [one, other] = [frontend(), frontend({ address: '203.0.113.11' })]
    const free = assign([one, other])
    assert.deepEqual(
      free.refused.map(({ key }) => key),
      [frontendKey(other)],
    )
    const held = assign([one, other], NODES, [[443, frontendKey(other)]])
    assert.deepEqual(
      held.refused.map(({ key, problem }) => [key, problem.code]),
      [[frontendKey(one), 'PortTaken']],
    )
  })
})

test('keys that a script can have opened are read, and no others', () => {
  assert.deepEqual(readKey('tcp/203.0.113.10:443'), { address: '203.0.113.10', port: 443 })
  for (const key of [
    'udp/203.0.113.10:53',
    'tcp/[2001:db8::1]:443',
    'tcp/203.0.113.10:443#a.example',
    'tcp/999.1.1.1:1',
    '',
  ])
    assert.equal(readKey(key), undefined)
})

test('whatever a Service or a node is called, only words are sent', () => {
  const text = fc.oneof(fc.string(), fc.constantFrom('$(id)', 'a b', '-rf', '"', 'web', 'a.b', '10.0.0.1', '\n'))
  fc.assert(
    fc.property(text, text, text, (namespace, name, address) => {
      const one = frontend({ service: { namespace, name, uid: 'u' } })
      const sent = (() => {
        try {
          return openCall(one, { name, address, port: 80 }, OPTIONS)
        } catch (error) {
          assert.ok(error instanceof TypeError)
          return closeCall(one.port, OPTIONS)
        }
      })()
      for (const word of Object.values(sent)) assert.match(word, /^[A-Za-z0-9._-]*$/)
    }),
    runs(500),
  )
})
