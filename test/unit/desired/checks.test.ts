import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readSettings } from '../../../src/desired/annotations.ts'
import { checkFor } from '../../../src/desired/checks.ts'
import { portOf, type ServiceWishes, service } from '../../support/builders.ts'

/** The check of the first port: `http 10256 derived`, `tcp`, `none`, and the problem that is told. */
function check(wishes: ServiceWishes, defaults: Readonly<Record<string, string>> = {}, on: 'nodes' | 'pods' = 'nodes') {
  const of = service('web', wishes)
  const { check: found, problem } = checkFor(of, of.spec.ports[0] ?? portOf('443'), readSettings(of, defaults), on)
  const what = found && [found.kind, found.port ?? '', found.derived ? 'derived' : ''].filter(Boolean).join(' ')
  return [what ?? 'none', ...(problem === undefined ? [] : [problem.problem.message])].join('; ')
}

const CHECK = 'health-check'
const local = (healthCheckNodePort?: number) => ({
  spec: {
    externalTrafficPolicy: 'Local' as const,
    ...(healthCheckNodePort === undefined ? {} : { healthCheckNodePort }),
  },
})
const asked = (value: string) => ({ annotations: { [CHECK]: value } })
const UDP = { ports: ['53/UDP'] }
const NODE_PORT = { type: 'NodePort', annotations: { class: 'public' } } as const

describe('derived where nobody says anything, on node targets', () => {
  const table: readonly (readonly [why: string, wishes: ServiceWishes, expected: string])[] = [
    ['kube-proxy tells whether its node takes traffic', {}, 'http 10256 derived'],
    ['for UDP too: it is another port that is asked', UDP, 'http 10256 derived'],
    ['for a NodePort Service', NODE_PORT, 'http 10256 derived'],
    ['under Local the Service’s own port tells whether the node has pods', local(32_000), 'http 32000 derived'],
    ['under Local without that port nothing tells', local(), 'none'],
    ['0 is none', local(0), 'none'],
    ['a NodePort Service has none under Local', { ...NODE_PORT, ...local(32_000) }, 'none'],
    ['off', asked('off'), 'none'],
    ['off for another port', { ...asked('ssh=off'), ports: ['https:443', 'ssh:22'] }, 'http 10256 derived'],
    ['off for this port', { ...asked('https=off'), ports: ['https:443', 'ssh:22'] }, 'none'],
  ]
  for (const [why, wishes, expected] of table) test(`${why}: ${expected}`, () => assert.equal(check(wishes), expected))

  test('off in the class suppresses it, for UDP too, and the Service may still ask', () => {
    const off = { [CHECK]: 'off' }
    assert.deepEqual([check({}, off), check(UDP, off), check(asked('tcp'), off)], ['none', 'none', 'tcp'])
  })
})

describe('asked for by the Service or its class', () => {
  const table: readonly (readonly [
    why: string,
    wishes: ServiceWishes,
    defaults: Readonly<Record<string, string>>,
    expected: string,
  ])[] = [
    ['tcp connects to the port that traffic goes to', asked('tcp'), {}, 'tcp'],
    ['http asks as a derived one does, but is asked', asked('http'), {}, 'http 10256'],
    ['http under Local', { ...asked('http'), ...local(32_000) }, {}, 'http 32000'],
    ['tcp in the class', {}, { [CHECK]: 'tcp' }, 'tcp'],
    ['http in the class', {}, { [CHECK]: 'http' }, 'http 10256'],
    ['the class’s is for TCP: UDP has the derived one', UDP, { [CHECK]: 'tcp' }, 'http 10256 derived'],
    ['the Service’s own is for UDP too, for the proxy to refuse', { ...UDP, ...asked('tcp') }, {}, 'tcp'],
    [
      'http under Local without a port to ask is told',
      { ...asked('http'), ...local() },
      {},
      'none; Service default/web asks for health-check http on port 443/TCP, and under externalTrafficPolicy Local it has no healthCheckNodePort',
    ],
    ['the class’s is not told: the Service has not asked', local(), { [CHECK]: 'http' }, 'none'],
  ]
  for (const [why, wishes, defaults, expected] of table) {
    test(why, () => assert.equal(check(wishes, defaults), expected))
  }
})

describe('on pods', () => {
  test('nothing is derived: readiness decides', () => assert.equal(check({}, {}, 'pods'), 'none'))
  test('tcp connects', () => assert.equal(check(asked('tcp'), {}, 'pods'), 'tcp'))
  test('http is told, where the Service asks for it', () => {
    const message =
      'Service default/web asks for health-check http on port 443/TCP, and its targets are pods, whose readiness Kubernetes itself checks'
    assert.equal(check(asked('http'), {}, 'pods'), `none; ${message}`)
    assert.equal(check({}, { [CHECK]: 'http' }, 'pods'), 'none')
  })
})

const pace = (annotations: Readonly<Record<string, string>>, defaults = {}) => {
  const of = service('web', { ports: ['https:443'], annotations })
  const { check: found } = checkFor(of, portOf('https:443'), readSettings(of, defaults), 'nodes')
  return found && [found.intervalMs, found.timeoutMs, found.rise, found.fall]
}

describe('pace', () => {
  const slow = {
    'health-check-interval': '30s',
    'health-check-timeout': '5s',
    'health-check-rise': '1',
    'health-check-fall': '10',
  }
  test('is every 5 s with 2 s to answer, up after 2, down after 3', () =>
    assert.deepEqual(pace({}), [5_000, 2_000, 2, 3]))
  test('is what the Service says', () => assert.deepEqual(pace(slow), [30_000, 5_000, 1, 10]))
  test('is what its class says', () => assert.deepEqual(pace({}, slow), [30_000, 5_000, 1, 10]))
  test('is by port', () => assert.deepEqual(pace({ 'health-check-rise': 'https=7' }, slow), [30_000, 5_000, 7, 10]))
  test('`off` is ours again', () => assert.deepEqual(pace({ 'health-check-fall': 'off' }, slow), [30_000, 5_000, 1, 3]))
})
