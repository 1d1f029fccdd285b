/** What `fairway doctor` says of the operator, and of the way to nodes. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { chooseDoors, judgeDoors } from '../../../src/report/node-ports.ts'
import { judgeLease, judgeUnseen } from '../../../src/report/operator.ts'
import { service } from '../../support/builders.ts'
import { settledWorld, surveyOf } from './rig.ts'

describe('the operator', () => {
  test('an operator that does not look is found by what it has not written', async () => {
    const world = await settledWorld([])
    world.put(service('web'), service('mail', { ports: ['25'] }))
    const created = Date.parse('2026-01-01T00:00:00Z')
    const survey = await surveyOf(world)
    assert.deepEqual(judgeUnseen(survey, created + 30_000), [])
    const [found] = judgeUnseen(survey, created + 90_000)
    assert.equal(found?.message, 'the operator has written nothing to default/mail and 1 other Service')
    await world.pass()
    assert.deepEqual(judgeUnseen(await surveyOf(world), created + 90_000), [])
  })

  const leases: readonly (readonly [lease: Parameters<typeof judgeLease>[0], said: string])[] = [
    [undefined, 'fail: there is no such Lease: no operator has ever led'],
    [{ name: 'a/b', holder: '', renewedAtMs: 100_000 }, 'fail: nobody holds it: no operator leads'],
    [{ name: 'a/b', holder: 'pod-1', renewedAtMs: 100_000 }, 'ok: pod-1 leads'],
    [{ name: 'a/b', holder: 'pod-1', renewedAtMs: 70_000 }, 'fail: pod-1 holds it and has not renewed it for 35 s'],
  ]
  for (const [lease, said] of leases) {
    test(`a Lease: ${said}`, () => {
      const { state, message } = judgeLease(lease, 'a/b', 105_000)
      assert.equal(`${state}: ${message}`, said)
    })
  }
})

async function doorsOf() {
  const world = await settledWorld([service('web', { ports: ['80', '443', '53/UDP'] })])
  return chooseDoors(await surveyOf(world))
}

describe('node ports', () => {
  test('each node is tried before any is tried twice, and UDP never', async () => {
    const doors = await doorsOf()
    assert.deepEqual(
      doors.map(({ node: name, port }) => `${name} ${port}`),
      ['n1 30443', 'n2 30443', 'n1 30080', 'n2 30080'],
    )
  })

  test('a node behind a firewall fails, one odd port is a note', async () => {
    const found = judgeDoors(await doorsOf(), ['unknown', 'open', 'unknown', 'refused'])
    assert.deepEqual(
      found.map(({ state, about, message, remedy }) => [state, about, message, remedy]),
      [
        [
          'fail',
          'node n1',
          '10.0.0.1:30443 of n1, for tcp/203.0.113.10:443, does not answer from here (2 of 2 tried)',
          'Check firewalls between here and the node: the proxy must be let in to its node ports',
        ],
        [
          'note',
          'node n2',
          '10.0.0.2:30080 of n2, for tcp/203.0.113.10:80, refuses connections from here (1 of 2 tried)',
          'Check kube-proxy on the node (or what stands in for it), and firewalls that reject',
        ],
      ],
    )
  })

  test('open doors are one line', async () => {
    const doors = await doorsOf()
    assert.deepEqual(
      judgeDoors(
        doors,
        doors.map(() => 'open'),
      ).map(({ state, about }) => `${state} ${about}`),
      ['ok 4 ports'],
    )
  })
})
