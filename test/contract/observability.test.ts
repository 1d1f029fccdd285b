// What a whole operator tells of itself, as a process of its own: metrics and log, with proxies that send back whatever they are sent.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { makeToken } from '../../src/edge/tokens.ts'
import { freePort } from '../lab/free-port.ts'
import { waitFor } from '../lab/wait.ts'
import { FakeApiServer, type Fault } from '../support/fake-api-server.ts'

const MAIN = resolve(import.meta.dirname, '../../src/main.ts')
const signal = AbortSignal.timeout(60_000)
const SECRETS = {
  // RFC 7515, appendix A.1.
  cluster: 'eyJ0eXAiOiJKV1QifQ.eyJpc3MiOiJqb2UifQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
  edge: makeToken(),
  hook: 'token-of-the-hook-4711',
  password: 'correct-horse-battery',
  url: 'hunter2-in-the-url',
}

interface Line {
  readonly msg: string
  readonly pass?: string
  readonly class?: string
  readonly proxy?: string
}

const dir = mkdtempSync(join(tmpdir(), 'fairway-observability-'))
/** Answers 401 with all headers and the body of the request in what it says. */
const parrot = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const message = `you said ${JSON.stringify(request.headers)} ${Buffer.concat(chunks).toString()}`
    response.writeHead(401, { 'content-type': 'application/json' })
    // An edge's codes are words, the Data Plane API's are numbers.
    const code = request.url?.includes('/v1/') ? 'Unauthorized' : 401
    response.end(JSON.stringify({ code, message, remedy: message }))
  })
})
/** The same of an API server, once in a while. */
const sayBack: Fault = ({ headers }, response) => {
  response.writeHead(500, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ kind: 'Status', code: 500, message: `you said ${JSON.stringify(headers)}` }))
}

let cluster: FakeApiServer
let healthPort = 0
let output = ''
let end: () => Promise<void> = () => Promise.resolve()

function file(name: string, content: string): string {
  const path = join(dir, name)
  writeFileSync(path, content)
  return path
}

function configuration(): string {
  const { port } = parrot.address() as AddressInfo
  const url = `http://somebody:${SECRETS.url}@127.0.0.1:${port}`
  const files = { tokenFile: file('edge', SECRETS.edge), hook: file('hook', SECRETS.hook) }
  const userFile = file('user', `admin:${SECRETS.password}`)
  const proxies = [
    { name: 'edge-1', edge: { url, insecure: true, tokenFile: files.tokenFile } },
    { name: 'hook-1', webhook: { url: `${url}/hooks/x`, insecure: true, tokenFile: files.hook } },
    { name: 'dataplane-1', dataplane: { url, insecure: true, userFile } },
    { name: 'caddy-1', caddy: { url, insecure: true } },
  ]
  const classes = proxies.map((proxy, index) => ({
    name: `c${index}`,
    default: index === 0,
    pools: [{ name: 'main', addresses: [`203.0.113.${index}`] }],
    proxies: [proxy],
  }))
  return file('fairway.yaml', JSON.stringify({ cluster: 'prod', classes }))
}

async function startOperator(...more: readonly string[]): Promise<void> {
  healthPort = await freePort('127.0.0.1')
  output = ''
  const config = cluster.kubeConfig({ token: SECRETS.cluster })
  const kubeconfig = file('kubeconfig', config.exportConfig())
  const flags = ['--config', configuration(), '--kubeconfig', kubeconfig, '--health-port', String(healthPort)]
  const child = spawn(process.execPath, [MAIN, 'run', ...flags, '--log-level', 'trace', ...more])
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const ended = once(child, 'exit')
  end = async () => {
    child.kill('SIGKILL')
    await ended
  }
}

function lines(): readonly Line[] {
  const whole = output.slice(0, output.lastIndexOf('\n') + 1)
  return whole.split('\n').flatMap((line) => (line === '' ? [] : (JSON.parse(line) as Line)))
}

async function scrape(): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${healthPort}/metrics`, { signal })
  return answer.status === 200 ? answer.text() : ''
}

before(async () => {
  await new Promise<void>((done) => void parrot.listen(0, '127.0.0.1', done))
  cluster = await FakeApiServer.start()
  cluster.put('/api/v1/namespaces', { metadata: { name: 'kube-system' } })
  const addresses = [{ type: 'InternalIP', address: '192.0.2.11' }]
  const status = { addresses, conditions: [{ type: 'Ready', status: 'True' }] }
  cluster.put('/api/v1/nodes', { metadata: { name: 'n1' }, spec: {}, status })
  const spec = { type: 'LoadBalancer', ports: [{ port: 443, nodePort: 30_443, protocol: 'TCP' }] }
  for (const name of ['c0', 'c1', 'c2', 'c3'])
    cluster.put('/api/v1/services', {
      metadata: { name, namespace: 'team-red' },
      spec: { ...spec, loadBalancerClass: `fairway.dev/${name}` },
    })
  cluster.fault(({ method }) => method !== 'GET', sayBack, 3)
})
after(async () => {
  await end()
  await cluster.close()
  parrot.close()
  rmSync(dir, { recursive: true })
})

test('a leader counts passes, calls, errors and writes, and names its proxies', async () => {
  await startOperator()
  const isDone = async () => (await scrape().catch(() => '')).match(/^fairway_proxy_problem\{/gm)?.length === 4
  await waitFor('a problem with each proxy', isDone, { timeoutMs: 30_000 }, signal)
  const text = await scrape()
  for (const line of [
    /^fairway_leader 1$/m,
    /^fairway_cache_synced\{kind="endpointslices"\} 1$/m,
    /^fairway_config_last_reload_successful 1$/m,
    /^fairway_proxy_problem\{class="c0",proxy="edge-1",code="\w+"\} 1$/m,
    /^fairway_pass_duration_seconds_count\{class="c3",result="unfinished"\} [1-9]/m,
    /^fairway_proxy_call_duration_seconds_count\{class="c0",proxy="edge-1",call="read"\} [1-9]/m,
    /^fairway_status_writes_total\{result="failed"\} 3$/m,
    /^fairway_status_writes_total\{result="written"\} [1-9]/m,
    /^fairway_errors_total\{part="status",code="ApiUnreachable"\} [1-9]/m,
    /^fairway_events_total\{type="Warning",reason="\w+"\} [1-9]/m,
    /^fairway_build_info\{version="\d/m,
  ])
    assert.match(text, line)
})

test('lines of one pass have its mark, whoever writes them, and passes have different ones', () => {
  const marked = lines().filter(({ pass }) => pass !== undefined)
  const byPass = Map.groupBy(marked, ({ pass }) => pass)
  assert.ok(byPass.size >= 4, `there are marks of ${byPass.size} passes`)
  for (const [pass, all] of byPass) {
    assert.match(pass ?? '', /^[\da-f]{8}$/)
    const classes = new Set(all.flatMap((one) => one.class ?? []))
    assert.equal(classes.size, 1, `${pass} is of ${[...classes].join(', ')}`)
  }
  const outside = lines().filter(({ msg }) => msg.startsWith('configuration in use'))
  assert.deepEqual(
    outside.map(({ pass }) => pass),
    [undefined],
  )
})

test('no token and no password is in any line, though proxies and API server said them back', () => {
  // They were said: what is left of them is there.
  assert.match(output, /you said/)
  const encoded = Buffer.from(`admin:${SECRETS.password}`).toString('base64')
  for (const [name, secret] of Object.entries({ ...SECRETS, encoded }))
    assert.ok(
      !output.includes(secret),
      `${name}: ${lines().find((line) => JSON.stringify(line).includes(secret))?.msg}`,
    )
})

test('nor in what Services and Events say', () => {
  const told = JSON.stringify([cluster.list('/api/v1/services'), cluster.list('/api/v1/events')])
  assert.match(told, /you said/)
  const encoded = Buffer.from(`admin:${SECRETS.password}`).toString('base64')
  for (const [name, secret] of Object.entries({ ...SECRETS, encoded })) assert.ok(!told.includes(secret), name)
})

/** Whether the configuration file is in use, as the metrics say: `1` or `0`. */
async function used(): Promise<string | undefined> {
  return /^fairway_config_last_reload_successful (\d)$/m.exec(await scrape())?.[1]
}

test('a configuration that cannot be used is told, and that it can be again', async () => {
  writeFileSync(join(dir, 'fairway.yaml'), '{"cluster": 1}')
  await waitFor('the mistake to be seen', async () => (await used()) === '0', { timeoutMs: 10_000 }, signal)
  configuration()
  await waitFor('the mistake to be gone', async () => (await used()) === '1', { timeoutMs: 10_000 }, signal)
})

test('metrics that are off are not served, and health is', async () => {
  await end()
  await startOperator('--metrics', 'off')
  const health = () => fetch(`http://127.0.0.1:${healthPort}/healthz`, { signal }).then(({ ok }) => ok)
  await waitFor('the health port', () => health().catch(() => false), { timeoutMs: 30_000 }, signal)
  const { status } = await fetch(`http://127.0.0.1:${healthPort}/metrics`, { signal })
  assert.equal(status, 404)
})
