/**
 * Real operators with real credentials, at a real API server and edge, and at proxies that say back all that they are told. Whatever they write anywhere is
 * searched for the bytes of those credentials.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createAuthority, issueServerCertificate } from '../../src/edge/certificates.ts'
import { type EdgeHarness, startEdge } from '../contract/edge-harness.ts'
import { local } from '../contract/net.ts'
import { freePort } from '../lab/free-port.ts'
import { type Lab, startLab } from '../lab/lab.ts'
import { toStderr } from '../lab/progress.ts'
import { waitFor } from '../lab/wait.ts'
import { fairway, MAIN } from '../resilience/cli-rig.ts'
import { type OperatorProcess, startOperator } from '../resilience/operators.ts'
import { clientCertificate } from '../unit/edge/client-certificate.ts'
import { findLeaks, formsOf, linesOfPem } from './forms.ts'
import {
  fetchText,
  filesIn,
  kubeconfigText,
  listen,
  PASSWORD,
  parrot,
  runNode,
  trapObjects,
  URL_PASSWORD,
  WEBHOOK_TOKEN,
} from './parrots.ts'
import { FULL_NAME, grant, readGrants } from './roles.ts'

const NAMESPACE = 'secrets'
describe('credentials are nowhere but where they belong', { timeout: 600_000 }, () => {
  const signal = AbortSignal.timeout(600_000)
  const secrets: Record<string, string> = {}
  const texts = new Map<string, string>()
  const servers: Server[] = []
  const operators: OperatorProcess[] = []
  /** How often somebody came where only texts of a Service lead. */
  let asked = 0
  let lab: Lab
  let edge: EdgeHarness
  let files: Readonly<Record<'config' | 'kubeconfig', string>>

  const file = (name: string, text: string) => {
    const path = join(lab.dir, name)
    writeFileSync(path, text)
    return path
  }
  const keep = (name: string, pem: string) => {
    for (const [at, line] of linesOfPem(pem).entries()) secrets[`${name}, line ${at + 1}`] = line
  }

  before(
    async () => {
      lab = await startLab({ mode: 'api', progress: toStderr }, signal)
      edge = await startEdge({ address: local(1) })
      const tokens = await grant(lab, NAMESPACE, await readGrants(lab, signal), signal)
      const { server, caFile } = lab.controlPlane.access
      const kubeconfig = file('kubeconfig.json', kubeconfigText(server, caFile, tokens.operator))
      Object.assign(secrets, { account: tokens.operator, viewer: tokens.viewer, PASSWORD, WEBHOOK_TOKEN, URL_PASSWORD })
      for (const name of ['edge.key', 'ca.key']) keep(name, readFileSync(join(edge.edge.dir, name), 'utf8'))
      files = { kubeconfig, config: file('fairway.json', JSON.stringify(await configuration())) }
    },
    { timeout: 120_000 },
  )
  after(async () => {
    for (const one of operators) await one.end('SIGTERM')
    for (const one of servers) one.close()
    await edge?.close()
    await lab?.stop(AbortSignal.timeout(30_000))
  })

  async function configuration(): Promise<object> {
    const authority = await createAuthority('parrots', new Date())
    const { cert, key } = await issueServerCertificate(authority, ['127.0.0.1'], new Date())
    servers.push(createServer(parrot()), createTlsServer({ cert, key, minVersion: 'TLSv1.3' }, parrot()))
    const [plain, tls] = await Promise.all(servers.map(listen))
    const own = await clientCertificate(authority, { uri: 'fairway:prod/public' })
    keep('client key', own.key)
    const tokenFile = edge.edge.tokenFile('prod/*')
    const wrongFile = file('wrong-token', `fairway_${'x'.repeat(43)}\n`)
    secrets['edge token'] = readFileSync(tokenFile, 'utf8').trim()
    secrets['wrong token'] = readFileSync(wrongFile, 'utf8').trim()
    const certs = {
      certFile: file('client.crt', own.cert),
      keyFile: file('client.key', own.key),
      caFile: file('parrots.crt', authority.cert),
    }
    const http = { url: `http://127.0.0.1:${plain}`, insecure: true, timeout: '3s' }
    const https = { url: `https://127.0.0.1:${tls}`, ...certs, timeout: '3s' }
    const { caFile } = edge.edge
    const proxies: Readonly<Record<string, object>> = {
      served: { edge: { url: edge.edge.url, caFile, tokenFile } },
      unknown: { edge: { url: edge.edge.url, caFile, tokenFile: wrongFile } },
      quoted: { edge: { ...http, tokenFile } },
      user: { dataplane: { ...http, userFile: file('user', `admin:${PASSWORD}`) } },
      hook: { webhook: { ...http, url: `${http.url}/hooks/x`, tokenFile: file('hook-token', WEBHOOK_TOKEN) } },
      mutual: { caddy: https },
      named: { caddy: { ...https, url: https.url.replace('://', `://me:${URL_PASSWORD}@`) } },
      strange: { edge: { ...https, caFile, tokenFile } },
    }
    const classes = Object.entries(proxies).map(([name, proxy], at) => ({
      name,
      pools: [{ name: 'main', addresses: [local(21 + at)] }],
      proxies: [{ name: `${name}-1`, ...proxy }],
    }))
    return { cluster: 'prod', classes }
  }

  async function run(name: string, kubeconfig: string): Promise<{ readonly health: number; readonly page: number }> {
    const [health, page] = [await freePort('127.0.0.1'), await freePort('127.0.0.1')]
    const argv = ['--lease-name', FULL_NAME, '--page', `0.0.0.0:${page}`, '--health-port', `${health}`]
    operators.push(
      await startOperator({ name, dir: lab.dir, config: files.config, kubeconfig, leaseNamespace: NAMESPACE, argv }),
    )
    return { health, page }
  }

  test('an operator works and fails with all kinds of them', async () => {
    const { classes } = JSON.parse(readFileSync(files.config, 'utf8')) as {
      readonly classes: readonly { name: string }[]
    }
    await node()
    for (const { name } of classes) {
      const wanted = {
        metadata: { name },
        spec: { type: 'LoadBalancer', loadBalancerClass: `fairway.dev/${name}`, ports: [{ port: 20_400 }] },
      }
      await lab.api.request(`/api/v1/namespaces/${NAMESPACE}/services`, { method: 'POST', body: wanted }, signal)
    }
    await trap()
    const { health, page } = await run('operator', files.kubeconfig)
    const all = async () => (await toldOf()).size >= classes.length && (await list('services')).includes(local(21))
    await waitFor('all Services to be told of', all, { timeoutMs: 60_000, daemons: operators }, signal)
    // Each answer of a proxy was quoted by then, or will be within seconds.
    const passes = async () => {
      const counts = (await fetchText(`http://127.0.0.1:${health}/metrics`)).matchAll(
        /^fairway_pass_duration_seconds_count\S* (\d+)/gm,
      )
      return [...counts].reduce((sum, [, count]) => sum + Number(count), 0) > 3 * classes.length
    }
    await waitFor('some passes', passes, { timeoutMs: 60_000, daemons: operators }, signal)
    texts.set('metrics', await fetchText(`http://127.0.0.1:${health}/metrics`))
    for (const path of ['/', '/view.json', '/pulse.json']) {
      const headers = { authorization: `Bearer ${secrets['viewer']}` }
      texts.set(`page ${path}`, await fetchText(`http://127.0.0.1:${page}${path}`, headers))
      texts.set(
        `page ${path} for nobody`,
        await fetchText(`http://127.0.0.1:${page}${path}`, { authorization: 'Bearer x' }),
      )
    }
    assert.match(texts.get('page /view.json') ?? '', /ProxyUnauthorized|refuses us/)
    // Whoever shows a token that is good for nothing must not find it in the log either.
    secrets['refused token'] = 'refused-9f3c7a5e1d'
    await fetchText(`http://127.0.0.1:${page}/`, { authorization: `Bearer ${secrets['refused token']}` })
  })

  test('no address that a Service names is asked for anything', () => {
    assert.equal(asked, 0)
  })

  test('another one has credentials that are no good', async () => {
    const { server, caFile } = lab.controlPlane.access
    secrets['expired'] = 'eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjF9.c2lnbmF0dXJl'
    await run('stranger', file('stranger.json', kubeconfigText(server, caFile, secrets['expired'])))
    await waitFor('it to complain', complains, { timeoutMs: 60_000 }, signal)
  })

  test('the command line shows all that it can', async () => {
    const here = ['--config', files.config, '--kubeconfig', files.kubeconfig]
    const commands = ['status --all -o json', `explain ${NAMESPACE}/user -o json`, 'doctor --no-dial -o text']
    for (const command of [...commands, 'render -o json']) {
      const { out, err } = await fairway(...command.split(' '), ...here)
      assert.ok((out + err).length > 20, command)
      texts.set(command, out + err)
    }
    for (const words of [
      ['token', 'list'],
      ['table', 'list'],
    ]) {
      texts.set(`edge ${words.join(' ')}`, await runNode([MAIN, 'edge', ...words, '--config', edge.edge.configFile]))
    }
  })

  test('none of what was written has any byte of them', async () => {
    for (const one of operators) texts.set(`log of ${one.name}`, await one.log())
    for (const kind of ['events', 'services']) texts.set(kind, await list(kind))
    texts.set(
      'Lease',
      JSON.stringify(await lab.api.request(`/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases`, {}, signal)),
    )
    texts.set('log of the edge', await edge.edge.log())
    texts.set('metrics of the edge', await edge.edge.metrics())
    for (const path of filesIn(edge.edge.dir))
      if (!/(\.key|token-\d+)$/.test(path)) texts.set(path, readFileSync(path, 'latin1'))
    for (const path of filesIn(edge.edge.proxy.dir)) texts.set(path, readFileSync(path, 'latin1'))
    for (const [where, text] of texts) assert.ok(text.length > 1, `${where} is empty`)
    assert.deepEqual(findLeaks(secrets, texts), [])
  })

  test('they would be found', () => {
    const text = Buffer.from(`x${PASSWORD}`).toString('base64')
    assert.ok(formsOf(PASSWORD).some((form) => text.includes(form)))
    assert.equal(findLeaks({ PASSWORD }, new Map([['log', `a "${PASSWORD}"`]])).length > 0, true)
    // And the proxies did say them.
    assert.ok((texts.get('log of operator') ?? '').includes('127.0.0.1'))
  })

  async function node(): Promise<void> {
    await lab.api.request('/api/v1/nodes', { method: 'POST', body: { metadata: { name: 'n1' } } }, signal)
    const status = {
      addresses: [{ type: 'InternalIP', address: '192.0.2.11' }],
      conditions: [{ type: 'Ready', status: 'True' }],
    }
    await lab.api.request('/api/v1/nodes/n1/status', { method: 'PATCH', body: { status } }, signal)
  }

  /** A Service that names the address of a server wherever a text can be. */
  async function trap(): Promise<void> {
    const server = createServer((_request, response) => response.end())
    server.on('connection', () => asked++)
    servers.push(server)
    for (const [path, body] of trapObjects(NAMESPACE, await listen(server))) {
      await lab.api.request(path, { method: 'POST', body }, signal)
    }
  }

  /** The Services that there are Events about. */
  async function toldOf(): Promise<ReadonlySet<string>> {
    const found = (await list('events')).matchAll(/"involvedObject":\{[^}]*"name":"(\w+)"/g)
    return new Set([...found].map(([, name = '']) => name))
  }

  async function complains(): Promise<boolean> {
    return /does not accept our credentials/.test((await operators.at(-1)?.log()) ?? '')
  }

  async function list(kind: string): Promise<string> {
    return JSON.stringify(await lab.api.request(`/api/v1/namespaces/${NAMESPACE}/${kind}`, {}, signal))
  }
})
