/**
 * Locks between processes: an abstract Unix socket, which the kernel releases when its holder dies, however it dies.
 * It leaves no file behind, so there is none to be stale. Works within one network namespace: lab runs start on the host.
 */
import { connect, createServer, type Server } from 'node:net'
import { text } from 'node:stream/consumers'
import { delay } from './wait.ts'

export interface Lock {
  release(): Promise<void>
}

export interface LockOptions {
  readonly timeoutMs: number
  /** Told once if somebody else holds the lock, with who it is. */
  readonly onWait?: (holder: string) => void
}

export async function acquireLock(name: string, options: LockOptions, signal: AbortSignal): Promise<Lock> {
  const deadline = Date.now() + options.timeoutMs
  for (let told = false; ; told = true) {
    signal.throwIfAborted()
    const server = await tryListen(`\0fairway-lab/${name}`)
    if (server) return { release: () => new Promise((resolve) => void server.close(() => resolve())) }
    const holder = await askHolder(`\0fairway-lab/${name}`)
    if (Date.now() > deadline)
      throw new Error(`The lab is in use by ${holder}; gave up after ${options.timeoutMs / 1000} s.`)
    if (!told) options.onWait?.(holder)
    await delay(500, signal)
  }
}

async function tryListen(path: string): Promise<Server | undefined> {
  const server = createServer((socket) => {
    socket.on('error', () => {}).end(`process ${process.pid} (${process.argv.slice(1).join(' ')})`)
  })
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    )
    // Holding a lock must not keep a process alive.
    server.listen(path, () => resolve(server.unref()))
  })
}

async function askHolder(path: string): Promise<string> {
  const socket = connect(path).setTimeout(2_000, () => socket.destroy())
  return text(socket).catch(() => 'another process')
}
