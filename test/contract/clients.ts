/** Clients of the proxy. Each wait has an end. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Greeting, QUESTION } from './backends.ts'
import type { Endpoint } from './harness.ts'

const PATIENCE_MS = 5_000

/** What a client got: a greeting and the address and port it came from. */
export interface Asked extends Greeting {
  readonly from: string
}

/** Connects and asks who is there. Throws when nobody is: refused, reset or closed without an answer. */
export async function askTcp({ address, port }: Endpoint, localAddress?: string): Promise<Asked> {
  const socket = connect({ host: address, port, ...(localAddress === undefined ? {} : { localAddress }) })
  const limit = AbortSignal.timeout(PATIENCE_MS)
  try {
    await once(socket, 'connect', { signal: limit })
    return await askOver(socket, limit)
  } finally {
    socket.destroy()
  }
}

/** Asks over a connection that is open, and ends with that. */
export async function askOver(socket: Socket, signal: AbortSignal): Promise<Asked> {
  const from = endpointText(socket.localAddress ?? '', socket.localPort ?? 0)
  const stop = () => socket.destroy(new Error('no answer'))
  signal.addEventListener('abort', stop, { once: true })
  try {
    socket.write(`${QUESTION}\n`)
    return { ...(await firstLine(socket)), from }
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

async function firstLine(socket: Socket): Promise<Greeting> {
  let text = ''
  for await (const chunk of socket) {
    text += String(chunk)
    if (text.includes('\n')) return readGreeting(text)
  }
  throw new Error('closed without an answer')
}

/** Sends a datagram until it is answered: they may be lost while a proxy changes. */
export async function askUdp({ address, port }: Endpoint): Promise<Asked> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  const limit = AbortSignal.timeout(PATIENCE_MS)
  // ICMP errors reach connected sockets; they are no answer.
  socket.on('error', () => {})
  try {
    socket.connect(port, address)
    await once(socket, 'connect', { signal: limit })
    const answer = once(socket, 'message', { signal: limit })
    const resend = setInterval(() => socket.send(QUESTION), 200)
    socket.send(QUESTION)
    const [message] = await answer.finally(() => clearInterval(resend))
    const local = socket.address()
    return { ...readGreeting(String(message)), from: endpointText(local.address, local.port) }
  } finally {
    socket.close()
  }
}

function readGreeting(text: string): Greeting {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || !('name' in value)) throw new Error(`not a greeting: ${text}`)
  return { name: String(value.name), client: 'client' in value ? String(value.client) : undefined }
}

function endpointText(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** Whether anything accepts connections. */
export async function isOpen({ address, port }: Endpoint): Promise<boolean> {
  const socket = connect({ host: address, port })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(PATIENCE_MS) })
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** The names that answer a number of connections, sorted: who serves, round robin or not. */
export async function whoServes(endpoint: Endpoint, times = 6): Promise<readonly string[]> {
  const names = new Set<string>()
  for (let count = 0; count < times; count++) names.add((await askTcp(endpoint)).name)
  return [...names].toSorted()
}

/** A connection that sends a line every few milliseconds and expects each back, in order. */
export interface LongTransfer {
  /** Ends it and gives the number of lines. Throws if one is missing or wrong, or the connection was closed. */
  finish(): Promise<number>
}

/** Starts one that ends with the signal at the latest, over a connection of its own or one that is given. */
export async function startLongTransfer(
  { address, port }: Endpoint,
  signal: AbortSignal,
  given?: Socket,
): Promise<LongTransfer> {
  const socket = given ?? connect({ host: address, port })
  if (given === undefined) await once(socket, 'connect', { signal: AbortSignal.timeout(PATIENCE_MS) })
  let sent = 0
  let seen = 0
  let failure: Error | undefined
  const fail = (error: Error) => {
    failure ??= error
  }
  const isPending = () => seen < sent && failure === undefined
  const lines = createInterface({ input: socket })
  lines.on('line', (line) => {
    if (line !== `line ${seen}`) fail(new Error(`expected line ${seen}, got ${line}`))
    seen++
  })
  lines.on('error', fail)
  socket.on('error', fail).on('close', () => fail(new Error('the connection was closed')))
  const timer = setInterval(() => socket.write(`line ${sent++}\n`), 5)
  const stop = () => {
    clearInterval(timer)
    socket.destroy()
  }
  signal.addEventListener('abort', stop, { once: true })
  return {
    async finish() {
      clearInterval(timer)
      const deadline = Date.now() + PATIENCE_MS
      while (isPending() && Date.now() < deadline) await sleep(5)
      if (seen < sent) fail(new Error(`${sent - seen} lines never came back`))
      const found = failure
      signal.removeEventListener('abort', stop)
      stop()
      if (found !== undefined) throw found
      return seen
    },
  }
}
