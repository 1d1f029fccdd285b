/** A process that began with one cluster takes nothing from another. */
import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { beforeEach, test } from 'node:test'
import { KubeConfig } from '@kubernetes/client-node'
import { createKubeClient, type KubeClient } from '../../../src/kube/client.ts'
import { createIdentity } from '../../../src/kube/identity.ts'

const SERVICES = '/api/v1/services'
const signal = AbortSignal.timeout(30_000)
/** Of the cluster that answers; undefined: it does not tell. */
let uid: string | undefined
let opened: AbortSignal[]

const client: KubeClient = {
  request: async ({ path }) => {
    if (path !== SERVICES && uid === undefined) throw new Error('the namespace is forbidden')
    return { status: 200, headers: {}, body: path === SERVICES ? { items: [] } : { metadata: { uid } } }
  },
  stream: async (_request, ends) => {
    opened.push(ends)
    return nothing()
  },
  close: () => Promise.resolve(),
}

async function* nothing(): AsyncGenerator<unknown, void> {}

const list = ({ client: one }: { readonly client: KubeClient }) =>
  one.request({ method: 'GET', path: SERVICES }, signal)
const watch = ({ client: one }: { readonly client: KubeClient }) =>
  one.stream({ method: 'GET', path: SERVICES }, signal)

beforeEach(() => {
  uid = 'one'
  opened = []
})

test('the cluster that answers first is the one', async () => {
  const identity = createIdentity(client)
  assert.equal(await identity.uid(signal), 'one')
  assert.deepEqual((await list(identity)).body, { items: [] })
  uid = 'two'
  await assert.rejects(identity.uid(signal), /another cluster \(UID two\).*began with \(UID one\)/)
})

test('lists and watches of another one do not count, until the first is back', async () => {
  const identity = createIdentity(client)
  await list(identity)
  uid = 'two'
  await assert.rejects(list(identity), /another cluster/)
  await assert.rejects(watch(identity), /another cluster/)
  assert.equal(opened.at(-1)?.aborted, true)
  uid = 'one'
  await list(identity)
  await watch(identity)
  assert.equal(opened.at(-1)?.aborted, false)
})

test('where it cannot be told which one it is, nothing counts', async () => {
  uid = undefined
  await assert.rejects(list(createIdentity(client)), /forbidden/)
})

test('a request that never gets a connection ends by its deadline', async () => {
  const sockets: Socket[] = []
  const silent = createServer((socket) => void sockets.push(socket))
  await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve))
  const address = silent.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const kubeConfig = new KubeConfig()
  kubeConfig.loadFromClusterAndUser(
    { name: 'c', server: `https://127.0.0.1:${port}`, skipTLSVerify: true },
    { name: 'u' },
  )
  const waiting = createKubeClient({ kubeConfig })
  try {
    const startedAt = performance.now()
    await assert.rejects(
      waiting.request({ method: 'GET', path: SERVICES, timeoutMs: 200 }, signal),
      /no answer in time/,
    )
    assert.ok(performance.now() - startedAt < 5_000)
  } finally {
    await waiting.close()
    for (const socket of sockets) socket.destroy()
    silent.close()
  }
})
