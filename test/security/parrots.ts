/** Proxies that say back all that they are told, and what else the test of a real operator's credentials stands on. */
import { execFile } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import type { RequestListener, Server } from 'node:http'
import { join } from 'node:path'

/** By no form that anybody could know them by. */
export const [PASSWORD, WEBHOOK_TOKEN, URL_PASSWORD] = [
  'Correct/Horse+Battery',
  'ilovecheese-and-wine',
  'pw-of-the-url-42',
]

/** A proxy that quotes whoever asks it, in all ways that programs do, with one status after the other. */
export function parrot(): RequestListener {
  const statuses = [500, 401, 200, 403, 422, 400]
  let count = 0
  return (request, response) => {
    const { authorization = '', ...rest } = request.headers
    const [, basic = ''] = /^Basic (.*)$/.exec(authorization) ?? []
    const plain = Buffer.from(basic, 'base64').toString()
    const quoted = {
      authorization,
      ...rest,
      url: request.url,
      plain,
      message: `no: ${authorization} ${plain} ${JSON.stringify(rest)}`,
    }
    response.writeHead(statuses[count++ % statuses.length] ?? 500, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ error: quoted.message, code: 500, ...quoted }))
  }
}

export async function listen(server: Server): Promise<number> {
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done))
  const address = server.address()
  return address !== null && typeof address === 'object' ? address.port : 0
}

export function kubeconfigText(server: string, caFile: string, token: string): string {
  return JSON.stringify({
    clusters: [{ name: 'lab', cluster: { server, 'certificate-authority': caFile } }],
    users: [{ name: 'own', user: { token } }],
    contexts: [{ name: 'own', context: { cluster: 'lab', user: 'own' } }],
    'current-context': 'own',
  })
}

export async function fetchText(url: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(10_000) })
  return `${answer.status} ${JSON.stringify([...answer.headers])} ${await answer.text()}`
}

export function runNode(argv: readonly string[]): Promise<string> {
  return new Promise((done) => void execFile(process.execPath, argv, (_error, out, err) => done(out + err)))
}

export function filesIn(dir: string): readonly string[] {
  const paths = readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((name) => join(dir, name))
  return paths.filter((path) => statSync(path).isFile() && statSync(path).size > 0)
}

/** Objects that name a port of this machine wherever a text can be, with the paths to create them at. */
export function trapObjects(namespace: string, port: number): readonly (readonly [path: string, body: object])[] {
  const url = `http://127.0.0.1:${port}/x`
  const names = [
    'address',
    'pool',
    'hosts',
    'targets',
    'health-check',
    'node-selector',
    'external-address',
    'url',
    'webhook',
  ]
  const annotations = Object.fromEntries([
    ...names.map((name) => [`fairway.dev/${name}`, url]),
    ['example.com/url', url],
  ])
  const spec = {
    type: 'LoadBalancer',
    loadBalancerClass: 'fairway.dev/served',
    ports: [{ port: 20_401 }],
    loadBalancerIP: '127.0.0.1',
  }
  const alias = { type: 'ExternalName', externalName: 'localhost' }
  // Endpoints as those may write who may write more than Services.
  const slice = {
    metadata: { name: 'trap-1', labels: { 'kubernetes.io/service-name': 'trap' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['192.0.2.66'], conditions: { ready: true } }],
    ports: [{ name: '', protocol: 'TCP', port }],
  }
  const path = `/api/v1/namespaces/${namespace}/services`
  return [
    [path, { metadata: { name: 'trap', annotations }, spec }],
    [path, { metadata: { name: 'alias', annotations: { 'fairway.dev/class': 'served' } }, spec: alias }],
    [`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, slice],
  ]
}
