/** A program that says and says, or something else in its place: the edge must not end with it. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { exchange } from '../../../src/edge/engines/common/exchange.ts'
import { createAdmin } from '../../../src/edge/engines/envoy/admin.ts'
import { FairwayError } from '../../../src/model/problems.ts'

const CHUNK = Buffer.alloc(1_048_576, 'x')
const MOST_BYTES = 400 * CHUNK.length

/** Sends what comes first, and then more than anybody takes. */
async function withEndless(first: string, work: (path: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'fairway-endless-'))
  const path = join(dir, 'program.sock')
  const server = createServer((socket) => {
    socket.on('error', () => {}).resume()
    socket.write(first)
    flood(socket, 0)
  })
  try {
    await new Promise<void>((resolve) => void server.listen(path, resolve))
    await work(path)
  } finally {
    server.close()
    await rm(dir, { recursive: true })
  }
}

function flood(socket: Socket, already: number): void {
  let sent = already
  while (sent < MOST_BYTES && !socket.destroyed) {
    sent += CHUNK.length
    if (!socket.write(CHUNK)) return void socket.once('drain', () => flood(socket, sent))
  }
  socket.end()
}

test("an admin endpoint of Envoy's", () =>
  withEndless('HTTP/1.1 200 OK\r\n\r\n', async (path) => {
    const work = createAdmin(path).get('/stats', AbortSignal.timeout(20_000))
    await assert.rejects(work, (error) => error instanceof FairwayError && /larger than/.test(error.problem.message))
  }))

test('a socket of HAProxy or nginx', () =>
  withEndless('', async (path) => {
    const answer = await exchange(path, undefined, 20_000, AbortSignal.timeout(20_000))
    assert.match(String(answer), /larger than/)
  }))
