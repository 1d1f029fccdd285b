import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { request } from 'undici'
import { openWebhook, type Webhook } from '../../../src/edge/webhook/webhook.ts'
import { FairwayError } from '../../../src/model/problems.ts'
import { silentLog } from '../../support/operator-world.ts'
import { startWorld, stopWorlds } from './edge-world.ts'
import { ADDRESS, bodyOf, RULES, requestOf, TOKEN } from './webhook-world.ts'

let dir: string
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairway-webhook-'))
  await writeFile(join(dir, 'token'), TOKEN)
})
after(() => rm(dir, { recursive: true }))
afterEach(stopWorlds)

/** Free a moment ago. */
async function somePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** A test that fails must not keep the process from ending. */
const opened: Webhook[] = []
afterEach(async () => void (await Promise.all(opened.splice(0).map((one) => one.stop()))))

async function open(
  port: number | undefined,
  tokenFile = join(dir, 'token'),
  expire: number | 'off' = 'off',
): Promise<Webhook> {
  const webhook = await openWebhook({
    config: {
      ...(port === undefined ? {} : { listen: { host: '127.0.0.1', port }, tls: 'off' }),
      tokenFile,
      name: 'default',
      addresses: [ADDRESS],
      ports: RULES.ports,
      targets: RULES.targets,
      expire,
      settings: {},
    },
    tls: { certFile: '', keyFile: '', clientCaFile: undefined },
    requestMs: 5_000,
    isForbidden: RULES.isForbidden,
    onRequest: () => {},
    log: silentLog,
  })
  opened.push(webhook)
  return webhook
}

const isInvalid = (error: unknown) => error instanceof FairwayError && error.problem.code === 'ConfigInvalid'
const GOOD = bodyOf('add 8080 10.0.0.11:30808')

test('whoever calls while the edge starts is asked to call again', async () => {
  const world = await startWorld()
  const port = await somePort()
  const webhook = await open(port)
  const call = async () => {
    const headers = { 'X-Funkypenguin-Token': TOKEN, 'content-type': 'application/json' }
    const url = `http://127.0.0.1:${port}/hooks/update-haproxy`
    const answer = await request(url, { method: 'POST', headers, body: JSON.stringify(GOOD), reset: true })
    return `${answer.statusCode} ${(await answer.body.text()).trim()}`
  }
  assert.equal(await call(), '503 the edge is starting. Try again.')
  await webhook.begin(world.referee)
  assert.equal(await call(), '200 tcp/203.0.113.10:8080 leads to 10.0.0.11:30808')
  // Its own port takes all of it.
  assert.equal(webhook.answer(requestOf(GOOD, TOKEN)), undefined)
  await webhook.stop()
  await assert.rejects(call(), /ECONNREFUSED/)
})

test('without a port of its own it is heard where clusters are, and nothing else is answered', async () => {
  const world = await startWorld()
  const webhook = await open(undefined)
  await webhook.begin(world.referee)
  assert.equal((await webhook.answer(requestOf(GOOD, TOKEN)))?.status, 200)
  assert.equal(webhook.answer(new Request('https://edge:7443/v1/info')), undefined)
  await webhook.stop()
})

test('a port that another has, or no token, is a mistake in the configuration', async () => {
  const port = await somePort()
  const first = await open(port)
  await assert.rejects(open(port), isInvalid)
  await assert.rejects(open(await somePort(), join(dir, 'nothing')), isInvalid)
  await first.stop()
})

test('a clock that is set on a machine that has just started makes nothing expire', async ({ mock }) => {
  const world = await startWorld()
  const webhook = await open(undefined, join(dir, 'token'), 1_200_000)
  mock.timers.enable({ apis: ['setInterval'] })
  await webhook.begin(world.referee)
  assert.equal((await webhook.answer(requestOf(GOOD, TOKEN)))?.status, 200)
  mock.method(Date, 'now', () => Date.UTC(2100, 0))
  mock.timers.tick(5_000)
  // What began before is ended by the real one.
  mock.timers.reset()
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.equal(world.referee.look('webhook/default')?.stored.table.frontends.length, 1)
  await webhook.stop()
})
