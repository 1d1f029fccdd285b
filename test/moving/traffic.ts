/** What clients of the old system notice of a move. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Backend, startTcpBackend } from '../contract/backends.ts'
import { askTcp } from '../contract/clients.ts'
import type { Endpoint } from '../contract/harness.ts'

/** Targets that say who they are: `n1` at its address, with each port. */
export async function startBackends(
  targets: Readonly<Record<string, string>>,
  ports: readonly number[],
): Promise<readonly Backend[]> {
  const places = Object.entries(targets).flatMap(([name, address]) => ports.map((port) => ({ name, address, port })))
  return Promise.all(places.map(({ name, address, port }) => startTcpBackend(name, { address, port })))
}

/** Answers as kube-proxy does where health checks ask. */
export async function startKubeProxies(nodes: readonly string[]): Promise<void> {
  for (const host of nodes) {
    await once(createServer((_, response) => response.end('{}')).listen({ host, port: 10_256 }), 'listening')
  }
}

export interface Noticed {
  readonly asked: number
  readonly failed: number
  /** From the first failure of a row to the next success. */
  readonly longestMs: number
}

/** Opens a connection after the other. `finish` tells what became of them. */
export function startAsking(endpoint: Endpoint): { readonly finish: () => Promise<Noticed> } {
  let [asked, failed, longestMs, failing] = [0, 0, 0, 0]
  const over = new AbortController()
  const ask = async () => {
    while (!over.signal.aborted) {
      const began = performance.now()
      const isServed = await askTcp(endpoint).then(
        () => true,
        () => false,
      )
      asked++
      if (isServed) {
        if (failing > 0) longestMs = Math.max(longestMs, performance.now() - failing)
        failing = 0
      } else {
        failed++
        if (failing === 0) failing = began
      }
      await sleep(10)
    }
  }
  const asking = ask()
  return {
    finish: async () => {
      over.abort()
      await asking
      return { asked, failed, longestMs: Math.round(failing > 0 ? Number.POSITIVE_INFINITY : longestMs) }
    },
  }
}
