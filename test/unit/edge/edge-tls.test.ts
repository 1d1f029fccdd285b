import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { connect } from 'node:tls'
import { Agent, request } from 'undici'
import { loadEdgeConfig } from '../../../src/config/edge-config.ts'
import { type Certificate, createAuthority } from '../../../src/edge/certificates.ts'
import { type Edge, startEdge } from '../../../src/edge/edge.ts'
import { addToken, initEdge } from '../../../src/edge/init.ts'
import { createMemoryEngine, type MemoryEngine } from '../../support/memory-engine.ts'
import { silentLog } from '../../support/operator-world.ts'
import { table, UID } from './builders.ts'
import { clientCertificate } from './client-certificate.ts'
import { createFakeMachine } from './edge-world.ts'

let folder: string
let edges: Edge[]
let memory: MemoryEngine

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fairway-edge-'))
  edges = []
  memory = createMemoryEngine()
})

afterEach(async () => {
  await Promise.all(edges.map((edge) => edge.stop()))
  await rm(folder, { recursive: true })
})

/** Prepares the folder as `fairway edge init` does, and starts an edge there. */
async function start(yaml = ''): Promise<{ readonly edge: Edge; readonly token: string; readonly ca: string }> {
  const options = {
    cluster: 'prod-a',
    className: 'public',
    addresses: ['127.0.0.1'],
    name: 'edge-1',
    dir: folder,
    force: false,
  }
  const { manifest } = await initEdge(options, new Date())
  const token = /token: (\S+)/.exec(manifest)?.[1] ?? ''
  await writeFile(
    join(folder, 'edge.yaml'),
    `listen: 127.0.0.1:0
status: 127.0.0.1:0
tls: {certFile: edge.crt, keyFile: edge.key${yaml}}
stateDir: state
addresses: [203.0.113.0/24]
frontends: [{name: kube-apiserver, address: 203.0.113.1, port: 6443, targets: [10.0.0.1]}]
engine: {haproxy: {}}
`,
  )
  return { edge: await startAgain(), token, ca: await readFile(join(folder, 'ca.crt'), 'utf8') }
}

async function startAgain(): Promise<Edge> {
  const config = await loadEdgeConfig(join(folder, 'edge.yaml'))
  const edge = await startEdge({
    config,
    engine: memory.engine,
    machine: createFakeMachine(),
    version: '0.1.0',
    log: silentLog,
  })
  edges.push(edge)
  return edge
}

interface Client {
  readonly ca: string
  readonly token?: string
  readonly certificate?: Certificate
}

async function ask(
  edge: Edge,
  path: string,
  { ca, token, certificate }: Client,
  options: { readonly method?: 'PUT'; readonly body?: string; readonly headers?: Record<string, string> } = {},
) {
  const dispatcher = new Agent({ connect: { ca, ...(certificate === undefined ? {} : certificate) } })
  try {
    const { statusCode, body } = await request(`https://127.0.0.1:${edge.port}${path}`, {
      method: options.method ?? 'GET',
      headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...options.headers },
      body: options.body ?? null,
      dispatcher,
    })
    return { status: statusCode, json: (await body.json()) as Record<string, unknown> }
  } finally {
    await dispatcher.close()
  }
}

const PATH = '/v1/tables/prod-a/public'

function put(edge: Edge, client: Client) {
  const body = JSON.stringify({ uid: UID, epoch: 1, table: table(['203.0.113.10:443']) })
  return ask(edge, PATH, client, {
    method: 'PUT',
    body,
    headers: { 'content-type': 'application/json', 'if-none-match': '*' },
  })
}

test('what init prints is enough to be heard, and what is written is there after a restart', async () => {
  const { edge, token, ca } = await start()
  assert.deepEqual(
    memory.state.frontends.map(({ id }) => id),
    ['_fixed.kube-apiserver.tcp.203.0.113.1.6443'],
  )
  assert.equal((await put(edge, { ca, token })).status, 200)
  assert.equal((await ask(edge, PATH, { ca })).status, 401)
  await edge.stop()
  memory = createMemoryEngine()
  const again = await startAgain()
  assert.equal(memory.state.frontends.length, 2)
  assert.equal((await ask(again, PATH, { ca, token })).json['generation'], 1)
})

test('nothing below TLS 1.3, and nothing without TLS', async () => {
  const { edge, ca } = await start()
  await assert.rejects(
    new Promise((resolve, reject) => {
      const socket = connect({ port: edge.port, host: '127.0.0.1', ca, maxVersion: 'TLSv1.2' }, () =>
        resolve(socket.end()),
      )
      socket.on('error', reject)
    }),
  )
  await assert.rejects(request(`http://127.0.0.1:${edge.port}/v1/info`))
})

test('a second token works at once beside the first, and a removed one no more', async () => {
  const { edge, token, ca } = await start()
  const tokens = join(folder, 'tokens.yaml')
  const second = await addToken(tokens, 'prod-a/public', new Date())
  assert.equal((await ask(edge, '/v1/info', { ca, token: second })).status, 200)
  assert.equal((await ask(edge, '/v1/info', { ca, token })).status, 200)
  const lines = (await readFile(tokens, 'utf8')).split('\n')
  // A file that cannot be read leaves the tokens that are known.
  await writeFile(tokens, 'tokens: [')
  assert.equal((await ask(edge, '/v1/info', { ca, token })).status, 200)
  await writeFile(tokens, lines.toSpliced(3, 1).join('\n'))
  assert.equal((await ask(edge, '/v1/info', { ca, token })).status, 401)
  assert.equal((await ask(edge, '/v1/info', { ca, token: second })).status, 200)
  await rm(tokens)
  assert.equal((await ask(edge, '/v1/info', { ca, token: second })).status, 401)
})

test('a client certificate names its owner, as a URI or by its common name, if the right authority has signed it', async () => {
  const [authority, stranger] = [
    await createAuthority('clients', new Date()),
    await createAuthority('others', new Date()),
  ]
  await writeFile(join(folder, 'clients.crt'), authority.cert)
  const { edge, token, ca } = await start(', clientCaFile: clients.crt')
  const statusFor = async (from: Certificate, names: { readonly uri?: string; readonly cn?: string }) =>
    (await ask(edge, '/v1/tables/prod-a', { ca, certificate: await clientCertificate(from, names) })).status
  assert.equal(await statusFor(authority, { uri: 'fairway:prod-a/public' }), 200)
  assert.equal(await statusFor(authority, { cn: 'fairway:prod-a/*' }), 200)
  assert.equal(await statusFor(authority, { uri: 'fairway:prod-b/public' }), 403)
  assert.equal(await statusFor(authority, { uri: 'fairway:prod-a/public', cn: 'fairway:prod-b/public' }), 401)
  assert.equal(await statusFor(authority, { cn: 'prod-a/public' }), 401)
  assert.equal(await statusFor(stranger, { uri: 'fairway:prod-a/public' }), 401)
  assert.equal((await ask(edge, '/v1/info', { ca, token })).status, 200)
})

test('state and metrics are told without credentials, but not to clusters', async () => {
  const { edge, token, ca } = await start()
  await put(edge, { ca, token })
  const read = async (path: string) => {
    const { statusCode, body } = await request(`http://127.0.0.1:${edge.statusPort}${path}`)
    return `${statusCode} ${await body.text()}`
  }
  assert.equal(await read('/healthz'), '200 ok')
  assert.match(await read('/readyz'), /^200/)
  const metrics = await read('/metrics')
  assert.match(metrics, /fairway_edge_frontends\{owner="prod-a\/public",state="served"\} 1/)
  assert.match(metrics, /fairway_edge_request_seconds_count\{method="PUT",status="200"\} 1/)
  assert.match(metrics, /fairway_edge_certificate_expiry_timestamp_seconds 2\d{9}/)
  assert.ok(!metrics.includes(token))
  assert.equal((await ask(edge, '/metrics', { ca, token })).status, 404)
})

test('a port that is taken ends the start before anything is touched', async () => {
  const { edge } = await start()
  const yaml = await readFile(join(folder, 'edge.yaml'), 'utf8')
  await writeFile(join(folder, 'edge.yaml'), yaml.replace('listen: 127.0.0.1:0', `listen: 127.0.0.1:${edge.port}`))
  const { applies } = memory
  await assert.rejects(startAgain(), /cannot listen on 127\.0\.0\.1 port \d+: .*EADDRINUSE/)
  assert.equal(memory.applies, applies)
})

test('a session is not resumed where clients have certificates: all of the certificate is judged each time', async () => {
  const authority = await createAuthority('clients', new Date())
  await writeFile(join(folder, 'clients.crt'), authority.cert)
  const { edge, ca } = await start(', clientCaFile: clients.crt')
  const certificate = await clientCertificate(authority, { cn: 'prod-a/public' })
  const visit = (session?: Buffer) =>
    new Promise<{ readonly session: Buffer | undefined; readonly isReused: boolean }>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: edge.port, ca, ...certificate, ...(session && { session }) })
      let ticket: Buffer | undefined
      socket.on('session', (one) => {
        ticket = one
      })
      socket.on('error', reject)
      let isReused = false
      socket.on('secureConnect', () => {
        isReused = socket.isSessionReused()
      })
      socket.on('close', () => resolve({ session: ticket, isReused }))
      socket.write('GET /healthz HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n\r\n')
      socket.resume()
    })
  const first = await visit()
  assert.equal((await visit(first.session)).isReused, false)
})
