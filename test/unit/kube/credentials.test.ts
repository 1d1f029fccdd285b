import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import type { KubeConfig } from '@kubernetes/client-node'
import { createKubeClient, type KubeClient, type KubeClientOptions } from '../../../src/kube/client.ts'
import { loadKubeConfig, readCredentials } from '../../../src/kube/credentials.ts'
import { FairwayError } from '../../../src/model/problems.ts'
import { FakeApiServer, refuse } from '../../support/fake-api-server.ts'
import { FakeClock } from './fake-clock.ts'

let server: FakeApiServer
let clock: FakeClock
let stop: AbortController
let clients: KubeClient[]
let folder: string

beforeEach(async () => {
  server = await FakeApiServer.start()
  clock = new FakeClock()
  stop = new AbortController()
  clients = []
  folder = await mkdtemp(join(tmpdir(), 'fairway-kube-'))
})

afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await server.close()
  await rm(folder, { recursive: true })
})

function connect(options: Partial<KubeClientOptions> = {}): KubeClient {
  const client = createKubeClient({ kubeConfig: server.kubeConfig(), clock, ...options })
  clients.push(client)
  return client
}

const NODES = { method: 'GET', path: '/api/v1/nodes' } as const

async function problemOf(work: Promise<unknown>): Promise<FairwayError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof FairwayError, String(error))
  return error
}

/** A configuration whose exec plugin is a shell script. */
function plugin(script: string): KubeConfig {
  return server.kubeConfig({ exec: { command: 'sh', args: ['-c', script] } })
}

test('after a 401 they are read anew and the request is sent once more; not again within ten seconds', async () => {
  server.fault(({ headers }) => headers.authorization === 'Bearer old', refuse(401, 'Unauthorized'), 9)
  let reloads = 0
  const reload = () => {
    reloads += 1
    return server.kubeConfig({ token: reloads === 1 ? 'new' : 'old' })
  }
  const client = connect({ kubeConfig: server.kubeConfig({ token: 'old' }), reload })
  assert.equal((await client.request(NODES, stop.signal)).status, 200)
  assert.equal(reloads, 1)
  server.fault(() => true, refuse(401, 'Unauthorized'), 9)
  assert.equal((await problemOf(client.request(NODES, stop.signal))).problem.code, 'ApiForbidden')
  clock.advance(10_000)
  await problemOf(client.request(NODES, stop.signal))
  assert.equal(reloads, 2)
})

test('a rotated ServiceAccount token is found after the 401 that tells of it', async () => {
  const tokenFile = join(folder, 'token')
  await writeFile(tokenFile, 'one\n')
  const client = connect({
    kubeConfig: server.kubeConfig({ authProvider: { name: 'tokenFile', config: { tokenFile } } }),
  })
  await client.request(NODES, stop.signal)
  await writeFile(tokenFile, 'two')
  server.fault(({ headers }) => headers.authorization === 'Bearer one', refuse(401, 'Unauthorized'), 9)
  await client.request(NODES, stop.signal)
  assert.deepEqual(
    server.requests.map(({ headers }) => headers.authorization),
    ['Bearer one', 'Bearer one', 'Bearer two'],
  )
})

test('an exec plugin is run once, again after a 401, and its failure is told', async () => {
  const counter = join(folder, 'runs')
  const script = `echo x >> ${counter}; n=$(wc -l < ${counter}); echo "{\\"status\\": {\\"token\\": \\"t$n\\"}}"; test $n -lt 3 || { echo no more >&2; exit 1; }`
  const client = connect({ kubeConfig: plugin(script) })
  await client.request(NODES, stop.signal)
  await client.request(NODES, stop.signal)
  server.fault(({ headers }) => headers.authorization === 'Bearer t1', refuse(401, 'Unauthorized'))
  await client.request(NODES, stop.signal)
  assert.deepEqual(
    server.requests.map(({ headers }) => headers.authorization?.slice(7)),
    ['t1', 't1', 't1', 't2'],
  )
  clock.advance(10_000)
  server.fault(() => true, refuse(401, 'Unauthorized'))
  assert.match(
    (await problemOf(client.request(NODES, stop.signal))).problem.message,
    /credentials for the API server cannot be read: no more/,
  )
})

test('requests that start together run an exec plugin once, and one that hangs does not hold them', async () => {
  const counter = join(folder, 'runs')
  const client = connect({ kubeConfig: plugin(`echo x >> ${counter}; echo '{"status": {"token": "t"}}'`) })
  await Promise.all([1, 2, 3].map(() => client.request(NODES, stop.signal)))
  assert.equal(await readFile(counter, 'utf8'), 'x\n')
  const hung = connect({ kubeConfig: plugin('sleep 1') }).request(NODES, stop.signal)
  clock.advance(30_000)
  assert.match((await problemOf(hung)).problem.message, /no answer in time/)
})

test('a new CA or client certificate calls for new connections, a new token does not', async () => {
  const file = join(folder, 'ca')
  const config = (token: string) => {
    const made = server.kubeConfig({ token })
    made.clusters = made.clusters.map((cluster) => ({ ...cluster, caFile: file }))
    return made
  }
  await writeFile(file, 'one')
  const first = await readCredentials(config('a'))
  assert.equal((await readCredentials(config('b'))).fingerprint, first.fingerprint)
  await writeFile(file, 'two')
  assert.notEqual((await readCredentials(config('a'))).fingerprint, first.fingerprint)
})

test('requests go on while the pool is replaced', async () => {
  const file = join(folder, 'ca')
  await writeFile(file, 'one')
  const kubeConfig = server.kubeConfig()
  kubeConfig.clusters = kubeConfig.clusters.map((cluster) => ({ ...cluster, caFile: file }))
  const client = connect({ kubeConfig })
  const events = await client.stream({ ...NODES, query: { watch: true } }, stop.signal)
  await writeFile(file, 'two')
  await client.request(NODES, stop.signal)
  server.put('/api/v1/nodes', { metadata: { name: 'n' } })
  const { value } = await events.next()
  assert.match(JSON.stringify(value), /"ADDED"/)
  stop.abort()
})

test('a kubeconfig that cannot be used says why', async () => {
  assert.throws(() => loadKubeConfig({ kubeconfig: join(folder, 'none') }), /kubeconfig cannot be read: ENOENT/)
  const file = join(folder, 'config')
  const cluster = { name: 'c', cluster: { server: server.url } }
  const context = { name: 'x', context: { cluster: 'c', user: 'u' } }
  await writeFile(
    file,
    JSON.stringify({
      clusters: [cluster],
      users: [{ name: 'u', user: {} }],
      contexts: [context],
      'current-context': 'x',
    }),
  )
  assert.throws(() => loadKubeConfig({ kubeconfig: file, context: 'y' }), /no context "y". Choose one of: x/)
  assert.equal(loadKubeConfig({ kubeconfig: file, context: 'x' }).getCurrentCluster()?.server, server.url)
})
