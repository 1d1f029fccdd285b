/** The master's socket as it is during reloads, played by a server of ours. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createMaster, type Master } from '../../../src/edge/engines/haproxy/master.ts'
import { FairwayError } from '../../../src/model/problems.ts'

const signal = AbortSignal.timeout(30_000)

type Answer = 'drop' | 'hang' | 'close' | ((line: string) => string)

interface Stage {
  readonly master: Master
  /** What was asked, dropped questions too, as `?`. */
  readonly lines: string[]
  readonly listen: (answer: () => Answer) => Promise<void>
}

async function play(work: (stage: Stage) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'fairway-master-'))
  const path = join(dir, 'master.sock')
  const lines: string[] = []
  const servers: Server[] = []
  const listen: Stage['listen'] = async (answer) => {
    await rm(path, { force: true })
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      socket.on('error', () => {})
      void answerOne(socket, answer(), lines)
    })
    servers.push(server.listen(path))
    await once(server, 'listening')
  }
  try {
    await work({ master: createMaster(path), lines, listen })
  } finally {
    for (const server of servers) server.close()
    await rm(dir, { recursive: true })
  }
}

async function answerOne(socket: Socket, answer: Answer, lines: string[]): Promise<void> {
  // What is left unread makes the kernel tell the other side of a broken connection.
  if (answer === 'drop') {
    lines.push('?')
    await sleep(20)
    socket.destroy()
    return
  }
  const text = once(socket, 'data')
  socket.resume()
  const line = String((await text)[0]).trim()
  lines.push(line)
  if (answer === 'close') socket.destroy()
  else if (answer !== 'hang') socket.end(answer(line))
}

async function problemOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: unknown) => (error instanceof FairwayError ? error.problem.code : String(error)),
  )
}

test('a question is asked again when the connection is dropped, a reload is not', () =>
  play(async ({ master, lines, listen }) => {
    const answers: Answer[] = ['drop', 'drop', () => 'fine', 'drop']
    await listen(() => answers.shift() ?? 'hang')
    assert.equal(await master.ask('show proc', signal), 'fine')
    assert.deepEqual(lines, ['?', '?', 'show proc'])
    assert.equal(await master.reload(signal), '')
    assert.equal(lines.length, 4)
  }))

test('commands go to the worker, many on a line and in order', () =>
  play(async ({ master, lines, listen }) => {
    await listen(() => (line) => (line.includes('c7;') ? 'No such server.\n\n\n' : '\n\n'))
    const commands = Array.from({ length: 250 }, (_, index) => `c${index}`)
    assert.equal(await master.command(commands, signal), 'No such server.')
    assert.equal(await master.command([], signal), '')
    const sent = lines.flatMap((line) => line.split(';'))
    assert.deepEqual(
      sent,
      commands.map((one) => `@1 ${one}`),
    )
    assert.equal(lines.length, 3)
  }))

test('nobody there, and nobody who answers', () =>
  play(async ({ master, listen }) => {
    assert.equal(await problemOf(master.ask('show proc', signal)), 'ProxyUnreachable')
    await listen(() => 'hang')
    assert.match(await problemOf(master.ask('show proc', AbortSignal.timeout(50))), /TimeoutError/)
  }))
