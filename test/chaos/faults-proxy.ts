/** What befalls HAProxy. */
import { rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import type { Fault } from './fault.ts'
import { startPatiently } from './patience.ts'
import type { Site } from './site.ts'

const SHARED = { party: 'proxy', traffic: true } as const

/** As its unit starts it, again and again: a file that is missing is the edge's to write. */
async function startAgain({ edge }: Site, signal: AbortSignal): Promise<void> {
  await startPatiently(
    'HAProxy',
    () => edge.proxy.start(),
    () => edge.proxy.kill(),
    signal,
  )
}

const killed: Fault = {
  ...SHARED,
  name: 'haproxy-killed',
  what: 'HAProxy is killed and started again',
  holdMs: [200, 5_000],
  strike: async ({ edge }) => edge.proxy.kill(),
  heal: startAgain,
}

const fileLost: Fault = {
  ...SHARED,
  name: 'haproxy-file-lost',
  what: 'HAProxy is killed and started again, and the file that the edge made for it is gone',
  holdMs: [200, 5_000],
  strike: async ({ edge }) => {
    await edge.proxy.kill()
    await rm(edge.proxy.configFile, { force: true })
  },
  heal: startAgain,
}

let hung: readonly number[] = []
const stopped: Fault = {
  ...SHARED,
  name: 'haproxy-hung',
  what: 'HAProxy hangs (SIGSTOP), and goes on',
  holdMs: [1_000, 12_000],
  strike: async ({ edge }) => {
    hung = await edge.proxy.pids()
    for (const pid of hung) process.kill(pid, 'SIGSTOP')
  },
  heal: async () => {
    for (const pid of hung) process.kill(pid, 'SIGCONT')
  },
}

let garbage: Server | undefined
const socketGarbage: Fault = {
  ...SHARED,
  traffic: false,
  name: 'haproxy-socket-garbage',
  what: "HAProxy's admin socket answers garbage",
  holdMs: [2_000, 10_000],
  strike: async ({ adminSocket }) => {
    const server = createServer((socket) => {
      socket.on('error', () => {}).once('data', () => socket.end(Buffer.from([0, 255, 10, 64, 35, 0, 10, 254, 10])))
    })
    garbage = server
    const path = `${adminSocket.path}.garbage`
    await new Promise<void>((done) => void server.listen(path, done))
    await adminSocket.lead(path)
  },
  heal: async ({ adminSocket, edge }) => {
    await adminSocket.lead(edge.proxy.masterSocket)
    await new Promise<void>((done) => (garbage === undefined ? done() : void garbage.close(() => done())))
  },
}

export const PROXY_FAULTS: readonly Fault[] = [killed, fileLost, stopped, socketGarbage]
