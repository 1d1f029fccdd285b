/** A Data Plane API in memory, for faults that a real one does not commit on demand. It keeps sections as they come. */
import { createServer, type IncomingMessage } from 'node:http'

type Sections = Record<string, Map<string, { readonly name: string }>>

export interface FakeDataplane {
  readonly url: string
  readonly requests: string[]
  readonly open: Set<string>
  version: number
  /** Answers in place of the API to requests whose `METHOD PATH` it matches. */
  fault: ((request: string) => { readonly status: number; readonly body: string } | undefined) | undefined
  /** What the next reloads fail with, one each. What was committed stays, as in the real one. */
  readonly failures: string[]
  /** Whether reloads never end. */
  stuck: boolean
  raw: string
  names(kind: string): readonly string[]
  close(): Promise<void>
}

interface Said {
  readonly status: number
  readonly body: unknown
  readonly reloadId?: string
}

export async function startFakeDataplane(): Promise<FakeDataplane> {
  let sections = empty()
  let last: { readonly status: string; readonly response?: string } = { status: 'succeeded' }
  const transactions = new Map<string, { readonly version: number; readonly sections: Sections }>()
  const server = createServer((request, response) => {
    void readAll(request).then((body) => {
      const line = `${request.method} ${request.url?.replace('/v3/services/haproxy', '')}`
      fake.requests.push(line)
      const fault = fake.fault?.(line)
      if (fault !== undefined) return response.writeHead(fault.status).end(fault.body)
      const { status, body: said, reloadId } = answer(line, body)
      const text = typeof said === 'string' ? said : JSON.stringify(said)
      return response.writeHead(status, reloadId === undefined ? {} : { 'reload-id': reloadId }).end(text)
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const fake: FakeDataplane = {
    url: `http://127.0.0.1:${port}`,
    requests: [],
    open: new Set(),
    version: 1,
    fault: undefined,
    failures: [],
    stuck: false,
    raw: 'frontend theirs\n  bind 203.0.113.10:22\n',
    names: (kind) => [...(sections[kind]?.keys() ?? [])],
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => void server.close(() => resolve()))
    },
  }

  function answer(line: string, body: string): Said {
    const [method = '', target = ''] = line.split(' ')
    const { pathname, searchParams } = new URL(target, fake.url)
    const [, place = '', kind = '', name = ''] = pathname.split('/')
    if (place === 'reloads') {
      const reload = fake.stuck ? { status: 'in_progress' } : last
      return { status: 200, body: kind === '' ? [reload] : reload }
    }
    if (place === 'transactions') return transact(method, kind, Number(searchParams.get('version')))
    if (kind === 'version') return { status: 200, body: fake.version }
    if (kind === 'raw') return { status: 200, body: fake.raw }
    const edited = transactions.get(searchParams.get('transaction_id') ?? '')?.sections ?? sections
    if (method === 'GET') return { status: 200, body: [...(edited[kind]?.values() ?? [])] }
    if (method === 'DELETE') edited[kind]?.delete(name)
    else {
      const section = JSON.parse(body) as { readonly name: string }
      edited[kind]?.set(section.name, section)
    }
    return { status: 202, body: {} }
  }

  function transact(method: string, id: string, version: number): Said {
    if (method === 'POST') {
      if (version !== fake.version) return { status: 409, body: { code: 409, message: 'version mismatch' } }
      const made = `t${transactions.size}`
      transactions.set(made, { version, sections: structuredClone(sections) })
      fake.open.add(made)
      return { status: 201, body: { id: made } }
    }
    fake.open.delete(id)
    const transaction = transactions.get(id)
    if (method === 'DELETE' || transaction === undefined) return { status: 204, body: '' }
    if (transaction.version !== fake.version) return { status: 406, body: { code: 406, message: 'outdated' } }
    sections = transaction.sections
    fake.version++
    const response = fake.failures.shift()
    last = response === undefined ? { status: 'succeeded' } : { status: 'failed', response }
    return { status: 202, body: {}, reloadId: '2026-01-01-0' }
  }

  return fake
}

function empty(): Sections {
  return { defaults: new Map(), backends: new Map(), frontends: new Map() }
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
