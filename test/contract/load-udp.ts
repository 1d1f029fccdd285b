/** Datagrams through a proxy: each flow is one socket of a client, and its targets tell by which socket of the proxy they have seen it. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Endpoint } from './harness.ts'

const DATAGRAM_EVERY_MS = 20
/** Whatever is on its way when a flow ends. */
const LAST_ANSWERS_MS = 500

/** Sends each datagram back, with its own name and the socket that it came from. A question without a number is answered too. */
export async function startUdpTarget(name: string, { address, port }: Endpoint): Promise<void> {
  const socket = createSocket('udp4')
  socket.on('message', (message, from) => {
    const number = Number(message)
    socket.send(JSON.stringify({ name, number, from: `${from.address}:${from.port}` }), from.port, from.address)
  })
  socket.bind(port, address)
  await once(socket, 'listening')
}

export interface FlowReport {
  datagrams: number
  /** Of them, those that no answer came to. */
  lost: number
  /** Answers of targets that are not the frontend's. */
  strays: readonly string[]
  /** Sockets of the proxy by which the flow was seen, with the target that saw it: 1 where it was kept. */
  seenAs: number
}

/** Sends datagrams at a steady pace until the signal. */
export async function runFlow(to: Endpoint, names: readonly string[], signal: AbortSignal): Promise<FlowReport> {
  const socket = createSocket('udp4')
  const answered = new Set<number>()
  const seen = new Set<string>()
  const strays: string[] = []
  // What ICMP says of a datagram counts as its loss.
  socket.on('error', () => {})
  socket.on('message', (message) => {
    const { name, number, from } = JSON.parse(String(message)) as Readonly<Record<'name' | 'from', string>> & {
      readonly number: number
    }
    answered.add(number)
    seen.add(`${name} ${from}`)
    if (!names.includes(name)) strays.push(`${to.address} port ${to.port}/UDP was answered by ${name}`)
  })
  socket.connect(to.port, to.address)
  await once(socket, 'connect')
  let datagrams = 0
  while (!signal.aborted) {
    socket.send(`${datagrams++}`)
    await sleep(DATAGRAM_EVERY_MS)
  }
  await sleep(LAST_ANSWERS_MS)
  socket.close()
  return { datagrams, lost: datagrams - answered.size, strays, seenAs: seen.size }
}
