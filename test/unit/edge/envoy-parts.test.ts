import assert from 'node:assert/strict'
import { lstat, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { drawConfig } from '../../../src/edge/engines/envoy/drawing.ts'
import { parseFaults } from '../../../src/edge/engines/envoy/faults.ts'
import { openStateFolder } from '../../../src/edge/engines/envoy/folder.ts'
import { parseDown } from '../../../src/edge/engines/envoy/health.ts'
import { parseTold } from '../../../src/edge/engines/envoy/listeners.ts'
import { parseCounts, parseVersions } from '../../../src/edge/engines/envoy/progress.ts'
import { makeResources, parseResources } from '../../../src/edge/engines/envoy/resources.ts'
import { bound, stateOf } from './haproxy-states.ts'

const STATS = `cluster_manager.cds.version_text: "0123456789abcdef"
listener_manager.lds.version_text: ""
cluster_manager.cds.update_attempt: 9
cluster_manager.cds.update_failure: 2
cluster_manager.cds.update_rejected: 3
cluster_manager.cds.update_success: 4
listener_manager.lds.update_success: 1
`

test('how far Envoy is', () => {
  assert.deepEqual(parseVersions(STATS), { clusters: '0123456789abcdef', listeners: '' })
  assert.deepEqual(parseCounts(STATS, 'clusters'), { taken: 4, failed: 5 })
  assert.deepEqual(parseCounts(STATS, 'listeners'), { taken: 1, failed: 0 })
  // A bootstrap without our files.
  assert.deepEqual(parseVersions('server.state: 0\n'), { clusters: '', listeners: '' })
})

test('what Envoy has against listeners', () => {
  const configs = [
    { name: 'fairway.tcp.10.0.0.1:80' },
    {
      name: 'fairway.tcp.10.0.0.1:81',
      error_state: { details: "cannot bind '10.0.0.1:81':\n Address already in use.\n" },
    },
    { name: 'fairway.tcp.10.0.0.1:82', error_state: {} },
    { name: 'mine', error_state: { details: 'x' } },
    { error_state: { details: 'x' } },
  ]
  assert.deepEqual(Object.fromEntries(parseFaults(JSON.stringify({ configs }))), {
    'fairway.tcp.10.0.0.1:81': "cannot bind '10.0.0.1:81': Address already in use",
    'fairway.tcp.10.0.0.1:82': '',
  })
  assert.equal(parseFaults('{}').size, 0)
})

const socket = (address: string, port_value: number) => ({ socket_address: { address, port_value } })

test('what Envoy listens on', () => {
  const listener_statuses = [
    { name: 'a', local_address: socket('10.0.0.1', 80), additional_local_addresses: [socket('2001:DB8::1', 81)] },
    { name: 'b', local_address: { pipe: { path: '/run/x' } } },
    { name: 'c', local_address: socket('::', 82) },
  ]
  assert.deepEqual(parseTold(JSON.stringify({ listener_statuses })), [
    { name: 'a', address: '10.0.0.1', port: 80 },
    { name: 'a', address: '2001:db8::1', port: 81 },
    { name: 'c', address: '::', port: 82 },
  ])
  assert.deepEqual(parseTold('{}'), [])
})

const host = (address: string, health_status: object) => ({
  address: { socket_address: { address, port_value: 80 } },
  health_status,
})

test('which targets are down', () => {
  const cluster_statuses = [
    {
      name: 'fairway.g',
      host_statuses: [
        host('10.0.0.1', { eds_health_status: 'HEALTHY' }),
        host('10.0.0.2', { failed_active_health_check: true, eds_health_status: 'HEALTHY' }),
        host('fd00::3', { pending_active_hc: true }),
      ],
    },
    { name: 'fairway.none' },
  ]
  assert.deepEqual(
    parseDown(JSON.stringify({ cluster_statuses })),
    new Map([
      ['fairway.g', new Set(['10.0.0.2:80', '[fd00::3]:80'])],
      ['fairway.none', new Set<string>()],
    ]),
  )
})

test('a file is read back as it was written, and an edited one is nobody’s', () => {
  const { listeners, clusters } = drawConfig([bound(), bound({ port: 1 })], stateOf([]).groups)
  for (const one of [listeners, clusters, makeResources(new Map())]) assert.deepEqual(parseResources(one.text), one)
  for (const edited of ['', 'nonsense', listeners.text.replace('443', '444'), `${listeners.text}\n`]) {
    const { version, text } = parseResources(edited)
    assert.deepEqual([version, text], ['', edited])
  }
})

test('the same resources are the same file, in whatever order they came', () => {
  const [a, b] = [['a', '{"name":"a"}'] as const, ['b', '{"name":"b"}'] as const]
  assert.deepEqual(makeResources(new Map([a, b])), makeResources(new Map([b, a])))
})

test('one rename brings both files, and the states before are removed', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'fairway-envoy-'))
  try {
    const folder = await openStateFolder(join(dir, 'deep/envoy'))
    assert.equal(await folder.read(), undefined)
    const [first, second] = [drawConfig([], new Map()), drawConfig([bound()], stateOf([]).groups)]
    await folder.put(first)
    const seen = join(dir, 'deep/envoy/current')
    assert.ok((await lstat(seen)).isSymbolicLink())
    // As an edge that was killed leaves it.
    await writeFile(join(dir, 'deep/envoy/.current.new'), '')
    await folder.put(second)
    assert.deepEqual((await folder.read())?.listeners, second.listeners)
    assert.equal(await readFile(join(seen, 'cds.json'), 'utf8'), second.clusters.text)
    const states = async () => (await readdir(join(dir, 'deep/envoy'))).filter((name) => name.startsWith('state-'))
    assert.equal((await states()).length, 2)
    await folder.tidy()
    assert.equal((await states()).length, 1)
    assert.deepEqual((await folder.read())?.clusters, second.clusters)
    await folder.nudge('listeners')
    assert.deepEqual(await readdir(join(dir, 'deep/envoy/watch-listeners')), ['nudge'])
  } finally {
    await rm(dir, { recursive: true })
  }
})
