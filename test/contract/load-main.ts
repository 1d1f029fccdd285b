/**
 * Traffic as a process of its own, with the targets that it leads to, so that nothing else holds it up: `node load-main.ts PLAN`. It says `ready` when the
 * targets are, begins at a line of its input, ends at the next one, and prints what it has seen as JSON.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { QUESTION, startTcpBackend } from './backends.ts'
import type { Endpoint } from './harness.ts'
import type { LoadPlan, LoadReport } from './load.ts'
import { runFlow, startUdpTarget } from './load-udp.ts'

/** Whoever waits longer was dropped. */
const PATIENCE_MS = 20_000
const LINE_EVERY_MS = 100
/** Half of the transfers last from the beginning to the end, the others so long each, and then begin anew. */
const LASTS_MS = { least: 2_000, most: 10_000 }
const TICK_MS = 10
const MOST_TEXTS = 10

const plan = JSON.parse(process.argv[2] ?? '{}') as LoadPlan
const { flows = [] } = plan
const connections = { asked: 0, transfers: 0, lines: 0, refused: 0, reset: 0, wrong: 0, late: 0, early: 0 }
const report: LoadReport = { ...connections, datagrams: 0, lost: 0, broken: 0, texts: [] }
const over = new AbortController()

for (const target of plan.targets) {
  await startTcpBackend(target.name, target)
  if (flows.length > 0) await startUdpTarget(target.name, target)
}
const words = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
process.stdout.write('ready\n')
await words.next()
const running = [
  askOn(),
  ...Array.from({ length: plan.transfers }, (_, index) => transferOn(index)),
  ...flows.map(({ names, ...at }) => flowOn(at, names)),
]
await words.next()
over.abort()
await Promise.all(running)
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0))

function frontendAt(index: number) {
  const found = plan.frontends[index % plan.frontends.length]
  if (found === undefined) throw new Error('no frontends')
  return found
}

/** New connections at a steady pace, however long each takes. */
async function askOn(): Promise<void> {
  const began = performance.now()
  const asking = new Set<Promise<void>>()
  while (!over.signal.aborted) {
    const due = Math.floor(((performance.now() - began) / 1_000) * plan.perSecond)
    for (; report.asked < due; report.asked++) {
      const { names, ...at } = frontendAt(report.asked)
      const asked = attempt(at, async (connection) => check(await connection.ask(QUESTION), names, at))
      asking.add(asked)
      void asked.then(() => asking.delete(asked))
    }
    await sleep(TICK_MS)
  }
  await Promise.all(asking)
}

async function transferOn(index: number): Promise<void> {
  const { names, ...at } = frontendAt(index)
  while (!over.signal.aborted) {
    const spread = LASTS_MS.least + Math.random() * (LASTS_MS.most - LASTS_MS.least)
    const ends = index % 2 === 0 ? Number.POSITIVE_INFINITY : performance.now() + spread
    report.transfers++
    await attempt(at, async (connection) => {
      check(await connection.ask(QUESTION), names, at)
      for (let line = 0; !over.signal.aborted && performance.now() < ends; line++, report.lines++) {
        const text = `line ${line} of transfer ${index}`
        if ((await connection.ask(text)) !== text) throw new Error(`line ${line} came back as another`)
        await sleep(LINE_EVERY_MS)
      }
    })
  }
}

async function flowOn(at: Endpoint, names: readonly string[]): Promise<void> {
  const { datagrams, lost, strays, seenAs } = await runFlow(at, names, over.signal)
  report.datagrams += datagrams
  report.lost += lost
  report.broken += Math.max(0, seenAs - 1)
  report.wrong += strays.length
  for (const text of strays) note(text)
}

function check(answer: string, names: readonly string[], { address, port }: Endpoint): void {
  const { name } = JSON.parse(answer) as { readonly name: string }
  if (names.includes(name)) return
  report.wrong++
  note(`${address} port ${port} was answered by ${name}`)
}

interface Connection {
  /** Sends a line and resolves with the next one. */
  ask(line: string): Promise<string>
}

/** Connects, works and closes. What goes wrong on the way is counted by its kind. */
async function attempt(at: Endpoint, work: (connection: Connection) => Promise<void>): Promise<void> {
  const began = performance.now()
  const socket = connect({ host: at.address, port: at.port, noDelay: true })
  let isAnswered = false
  socket.once('data', () => {
    isAnswered = true
  })
  socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('timeout')))
  try {
    await once(socket, 'connect')
    await work(speak(socket))
  } catch (error) {
    const text = error instanceof Error ? `${error.message}${'code' in error ? ` ${String(error.code)}` : ''}` : ''
    if (text.includes('ECONNREFUSED')) report.refused++
    else if (text.startsWith('timeout')) report.late++
    else report.reset++
    if (!isAnswered) report.early++
    note(`${at.address} port ${at.port} after ${Math.round(performance.now() - began)} ms: ${text}`)
  } finally {
    socket.destroy()
  }
}

function speak(socket: Socket): Connection {
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]()
  let failure = new Error('closed by the other side')
  socket.on('error', (error) => {
    failure = error
  })
  return {
    ask: async (line) => {
      socket.write(`${line}\n`)
      const { value, done } = await lines.next()
      if (done === true) throw failure
      return value
    },
  }
}

function note(text: string): void {
  if (report.texts.length < MOST_TEXTS) report.texts.push(`${new Date().toISOString()} ${text}`)
}
