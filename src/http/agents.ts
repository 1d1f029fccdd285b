import { Agent } from 'undici'
import type { Endpoint, TlsFiles } from './endpoint.ts'
import { readSecretFile } from './secret-files.ts'

interface Files {
  readonly cert: string | undefined
  readonly key: string | undefined
  readonly ca: string | undefined
}

/** One agent for as long as the certificate files stay the same: Secrets are rotated beneath a running process. */
export function createAgents({
  proxy,
  tls,
  timeoutMs,
  socketPath,
}: Pick<Endpoint, 'proxy' | 'socketPath'> & {
  readonly tls: TlsFiles
  readonly timeoutMs: number
}) {
  let known: { readonly content: string; readonly agent: Agent } | undefined
  const open = new Set<Agent>()

  async function current(): Promise<Agent> {
    const files = await readFiles(proxy, tls)
    const content = JSON.stringify(files)
    if (known?.content === content) return known.agent
    const previous = known?.agent
    const agent = createAgent(files, timeoutMs, socketPath)
    known = { content, agent }
    open.add(agent)
    if (previous !== undefined) void retire(previous)
    return agent
  }

  /** In the background: requests that other calls have on it end by their own deadlines. */
  async function retire(agent: Agent): Promise<void> {
    await Promise.allSettled([agent.close()])
    open.delete(agent)
  }

  async function close(): Promise<void> {
    await Promise.all([...open].map((agent) => agent.destroy()))
    open.clear()
    known = undefined
  }

  return { current, close }
}

/** Many times the largest configuration: what a broken proxy sends must not fill our memory. */
const LARGEST_ANSWER = 64 * 1_048_576

function createAgent({ cert, key, ca }: Files, timeoutMs: number, socketPath: string | undefined): Agent {
  return new Agent({
    allowH2: false,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: LARGEST_ANSWER,
    connect: {
      timeout: timeoutMs,
      // Caddy, the Data Plane API, adnanh/webhook and the edge all speak it, and nothing older is left to be talked down to.
      minVersion: 'TLSv1.3',
      ...(socketPath === undefined ? {} : { socketPath }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(ca === undefined ? {} : { ca }),
    },
  })
}

async function readFiles(proxy: string, tls: TlsFiles): Promise<Files> {
  const read = async (name: keyof TlsFiles): Promise<string | undefined> => {
    const path = tls[name]
    return path === undefined ? undefined : readSecretFile(proxy, name, path)
  }
  const [cert, key, ca] = await Promise.all([read('certFile'), read('keyFile'), read('caFile')])
  return { cert, key, ca }
}
