import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { KubeConfig } from '@kubernetes/client-node'
import { fromWire } from '../../src/kube/wire.ts'
import { type FakeChange, type FakeObject, FakeStore, mergePatch, type StoredObject } from './fake-api-store.ts'

export interface FakeRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly body: unknown
}

/** Answers in place of the server; what it leaves unanswered hangs. */
export type Fault = (request: FakeRequest, response: ServerResponse) => void

interface Place {
  readonly collection: string
  readonly namespace: string
  readonly name: string | undefined
}

const PLACE =
  /^(?<group>\/api\/v1|\/apis\/[^/]+\/[^/]+)(?:\/namespaces\/(?<namespace>[^/]+)(?=\/))?\/(?<type>[a-z]+)(?:\/(?<name>[^/]+))?(?:\/status)?$/

function statusBody(code: number, reason: string, message: string, details: object = {}): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message, details }
}

/** A fault that answers with a `Status`. */
export function refuse(
  code: number,
  reason = 'Refused',
  headers: Record<string, string> = {},
  details: object = {},
): Fault {
  return (_request, response) => {
    response.writeHead(code, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(statusBody(code, reason, `refused with ${code}`, details)))
  }
}

/**
 * The part of a Kubernetes API server that Fairway talks to, over real HTTP: lists with pages, watches with bookmarks and streaming lists,
 * writes with resource versions. Faults can be put before it.
 */
export class FakeApiServer {
  readonly requests: FakeRequest[] = []
  /** Whether it knows sendInitialEvents, as servers from 1.27 on can. */
  streamingLists = true
  /** Cuts watch bytes into chunks of this size. */
  chunkBytes = Number.POSITIVE_INFINITY
  readonly #server: Server
  readonly #store = new FakeStore((change) => this.#tell(change))
  readonly #watches = new Map<ServerResponse, { readonly collection: string; readonly from: number }>()
  readonly #faults: { readonly matches: (request: FakeRequest) => boolean; readonly fault: Fault; times: number }[] = []

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<FakeApiServer> {
    const server = createServer()
    const fake = new FakeApiServer(server)
    server.on('request', (request, response) => void fake.#receive(request, response))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return fake
  }

  get url(): string {
    const address = this.#server.address()
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  }

  /** A configuration that leads here. */
  kubeConfig(user: Record<string, unknown> = { token: 'secret' }): KubeConfig {
    const config = new KubeConfig()
    config.loadFromClusterAndUser({ name: 'fake', server: this.url, skipTLSVerify: true }, { name: 'fake', ...user })
    return config
  }

  get version(): string {
    return String(this.#store.version)
  }

  get openWatches(): number {
    return this.#watches.size
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  /** Puts a fault before the requests that match. */
  fault(matches: (request: FakeRequest) => boolean, fault: Fault, times = 1): void {
    this.#faults.push({ matches, fault, times })
  }

  /** Creates or replaces an object and tells the watches. */
  put(collection: string, object: FakeObject): StoredObject {
    return this.#store.put(collection, object)
  }

  remove(collection: string, namespace: string, name: string): void {
    this.#store.remove(collection, namespace, name)
  }

  list(collection: string): readonly StoredObject[] {
    return this.#store.list(collection)
  }

  get(collection: string, namespace: string, name: string): StoredObject | undefined {
    return this.#store.get(collection, namespace, name)
  }

  compact(): void {
    this.#store.compact()
  }

  rewind(version: number): void {
    this.#store.rewind(version)
  }

  bookmark(): void {
    for (const [response, { collection, from }] of this.#watches) {
      if (this.#store.version >= from) this.#send(response, this.#bookmarkEvent(collection, {}))
    }
  }

  /** Ends the open watches: properly, or by cutting their connections. */
  endWatches(how: 'end' | 'cut' = 'end'): void {
    for (const response of this.#watches.keys()) {
      if (how === 'end') response.end()
      else response.socket?.destroy()
    }
    this.#watches.clear()
  }

  #tell({ collection, version, type, object }: FakeChange): void {
    for (const [response, watch] of this.#watches) {
      if (watch.collection === collection && version > watch.from) this.#send(response, { type, object })
    }
  }

  #bookmarkEvent(collection: string, annotations: Record<string, string>): object {
    return { type: 'BOOKMARK', object: { kind: collection, metadata: { resourceVersion: this.version, annotations } } }
  }

  #send(response: ServerResponse, event: object): void {
    const bytes = Buffer.from(`${JSON.stringify(event)}\n`)
    for (let start = 0; start < bytes.length; start += this.chunkBytes) {
      response.write(bytes.subarray(start, start + this.chunkBytes))
    }
  }

  async #receive(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '/', this.url)
    const text = (await incoming.setEncoding('utf8').toArray()).join('')
    const body: unknown = text === '' ? undefined : JSON.parse(text)
    const { headers, method = 'GET' } = incoming
    const request = { method, path: url.pathname, query: url.searchParams, headers, body }
    this.requests.push(request)
    const fault = this.#faults.find(({ matches, times }) => times > 0 && matches(request))
    if (fault === undefined) return this.#route(request, response)
    fault.times -= 1
    fault.fault(request, response)
  }

  #route(request: FakeRequest, response: ServerResponse): void {
    const match = PLACE.exec(request.path)?.groups
    if (match === undefined) return answer(response, 404, statusBody(404, 'NotFound', request.path))
    const place = { collection: `${match.group}/${match.type}`, namespace: match.namespace ?? '', name: match.name }
    if (request.query.get('watch') === 'true') this.#watch(request, place, response)
    else if (request.method === 'GET' && place.name === undefined) this.#page(request, place, response)
    else this.#object(request, place, response)
  }

  #watch({ query }: FakeRequest, { collection }: Place, response: ServerResponse): void {
    const initial = query.get('sendInitialEvents') === 'true'
    const from = Number(query.get('resourceVersion') ?? 0)
    if (initial && !this.streamingLists) {
      return answer(response, 422, statusBody(422, 'Invalid', 'sendInitialEvents is forbidden for watch'))
    }
    if (!initial && from > 0 && this.#store.isCompacted(from)) {
      return answer(response, 410, statusBody(410, 'Expired', 'too old resource version'))
    }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    // Asked to start at a version of its future, a server ends the stream without a word (seen on 1.36).
    if (initial && from > this.#store.version) return void response.end()
    const missed = initial
      ? this.list(collection).map((object) => ({ type: 'ADDED', object }))
      : this.#store.since(from, collection).map(({ type, object }) => ({ type, object }))
    for (const event of missed) this.#send(response, event)
    if (initial) this.#send(response, this.#bookmarkEvent(collection, { 'k8s.io/initial-events-end': 'true' }))
    this.#watches.set(response, { collection, from: initial ? this.#store.version : from })
    response.on('close', () => this.#watches.delete(response))
  }

  #page({ query }: FakeRequest, { collection }: Place, response: ServerResponse): void {
    const token = query.get('continue')
    const [at = this.version, start = '0'] = token?.split(':') ?? []
    if (Number(query.get('resourceVersion') ?? 0) > this.#store.version) {
      const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }]
      return answer(response, 504, statusBody(504, 'Timeout', 'Too large resource version', { causes }))
    }
    if (token !== null && this.#store.isCompacted(Number(at))) {
      return answer(response, 410, statusBody(410, 'Expired', 'the continue token has expired'))
    }
    const limit = Number(query.get('limit') ?? 0) || Number.POSITIVE_INFINITY
    const all = this.list(collection)
    const end = Number(start) + limit
    const metadata = { resourceVersion: at, ...(end < all.length && { continue: `${at}:${end}` }) }
    answer(response, 200, { kind: 'List', metadata, items: all.slice(Number(start), end) })
  }

  #object({ method, body }: FakeRequest, { collection, namespace, name = '' }: Place, response: ServerResponse): void {
    const sent = fromWire<FakeObject>(body)
    const before = this.get(collection, namespace, method === 'POST' ? sent.metadata.name : name)
    if (method === 'POST' && before !== undefined) return answer(response, 409, statusBody(409, 'AlreadyExists', name))
    if (method === 'POST') {
      const metadata = namespace === '' ? sent.metadata : { ...sent.metadata, namespace }
      return answer(response, 201, this.put(collection, { ...sent, metadata }))
    }
    if (before === undefined) return answer(response, 404, statusBody(404, 'NotFound', `${name} not found`))
    if (method === 'GET') return answer(response, 200, before)
    const { uid = before.metadata.uid, resourceVersion = before.metadata.resourceVersion } = sent.metadata ?? {}
    if (resourceVersion !== before.metadata.resourceVersion) {
      return answer(response, 409, statusBody(409, 'Conflict', 'the object has been modified'))
    }
    if (uid !== before.metadata.uid) {
      const causes = [{ reason: 'FieldValueInvalid', field: 'metadata.uid', message: 'field is immutable' }]
      return answer(response, 422, statusBody(422, 'Invalid', 'metadata.uid: field is immutable', { causes }))
    }
    answer(response, 200, this.put(collection, method === 'PUT' ? sent : mergePatch(before, sent)))
  }
}

function answer(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
