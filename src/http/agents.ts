import { readFile } from 'node:fs/promises'
import { Agent } from 'undici'
import { errorText, FairwayError } from '../model/problems.ts'
import type { Endpoint, TlsFiles } from './endpoint.ts'

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

function createAgent({ cert, key, ca }: Files, timeoutMs: number, socketPath: string | undefined): Agent {
  return new Agent({
    allowH2: false,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connect: {
      timeout: timeoutMs,
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
    if (path === undefined) return undefined
    try {
      return await readFile(path, 'utf8')
    } catch (error) {
      throw new FairwayError(
        {
          code: 'ConfigInvalid',
          kind: 'terminal',
          message: `${name} of proxy ${proxy} cannot be read: ${errorText(error)}`,
          remedy: 'Correct the path, or mount the Secret that has the file',
        },
        error,
      )
    }
  }
  const [cert, key, ca] = await Promise.all([read('certFile'), read('keyFile'), read('caFile')])
  return { cert, key, ca }
}
