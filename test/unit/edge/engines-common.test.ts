import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { distinctSockets, groupBySocket } from '../../../src/edge/engines/common/by-socket.ts'
import { exchange } from '../../../src/edge/engines/common/exchange.ts'
import { isSince } from '../../../src/edge/engines/common/version.ts'
import { socketText } from '../../../src/edge/sockets.ts'
import { isGone } from '../../../src/http/failures.ts'
import { bound } from './haproxy-states.ts'

let dir: string
const servers: Server[] = []
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairway-'))
})
after(async () => {
  for (const server of servers) server.close()
  await rm(dir, { recursive: true })
})

async function serve(name: string, answer: (socket: Socket) => void): Promise<string> {
  const path = join(dir, name)
  const server = createServer(answer).listen(path)
  servers.push(server)
  await new Promise((resolve) => server.once('listening', resolve))
  return path
}

const never = new AbortController().signal
const textOf = (answer: string | Error) => (answer instanceof Error ? answer.message : answer)

test('an exchange on a unix socket gives all that is said', async () => {
  const path = await serve(
    'echo',
    (socket) => void socket.once('data', (line) => socket.end(`you said ${String(line)}`)),
  )
  assert.equal(await exchange(path, 'hello', 5_000, never), 'you said hello\n')
  const greeting = await serve('greeting', (socket) => void socket.end('welcome'))
  assert.equal(await exchange(greeting, undefined, 5_000, never), 'welcome')
})

test('an exchange that comes to nothing is an error, in time', async () => {
  const silent = await serve('silent', (socket) => void socket.on('error', () => {}))
  assert.match(textOf(await exchange(silent, undefined, 50, never)), /no answer within 50 ms/)
  assert.match(textOf(await exchange(silent, undefined, 60_000, AbortSignal.abort())), /no answer/)
  const mute = await serve('mute', (socket) => void socket.end())
  assert.match(textOf(await exchange(mute, undefined, 5_000, never)), /closed without an answer/)
  assert.ok(isGone(await exchange(join(dir, 'nobody'), undefined, 5_000, never)))
})

test('versions are compared number by number', () => {
  const cases: readonly (readonly [version: string, since: readonly number[], expected: boolean])[] = [
    ['2.6.12', [2, 6], true],
    ['2.10.0', [2, 6], true],
    ['2.9-dev3', [2, 6], true],
    ['2.5.9', [2, 6], false],
    ['1.36.0', [1, 36], true],
    ['1.4.0', [1, 36], false],
    ['1.31.3', [1, 31, 4], false],
    ['1.31.4', [1, 31, 4], true],
    ['2.11.4', [], true],
  ]
  for (const [version, since, expected] of cases) assert.equal(isSince(version, since), expected, version)
})

test('frontends are grouped by the socket that they are bound to', () => {
  const frontends = [
    bound({ port: 443, hosts: ['a.example'] }),
    bound({ port: 80 }),
    bound({ port: 443, hosts: ['b.example'] }),
    bound({ port: 80, bindAddress: '0.0.0.0' }),
  ]
  const groups = groupBySocket(frontends).map((one) => `${socketText(one.socket)} ${one.frontends.length}`)
  assert.deepEqual(groups, ['tcp/203.0.113.10:443 2', 'tcp/203.0.113.10:80 1', 'tcp/0.0.0.0:80 1'])
  const { socket } = groupBySocket(frontends)[0] ?? assert.fail()
  assert.equal(distinctSockets([socket, { ...socket }]).length, 1)
})
