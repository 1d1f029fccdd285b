/** A proxy that is broken, or not what it should be, sends without end: that must not fill the memory of whoever programs all the others. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createAdminClient } from '../../../src/caddy/client.ts'
import { createDataplaneClient } from '../../../src/drivers/dataplane/client.ts'
import { createWebhookClient } from '../../../src/drivers/webhook/client.ts'
import { FairwayError } from '../../../src/model/problems.ts'
import { OWNER } from './tables.ts'
import { OPTIONS } from './webhook-rig.ts'

const signal = AbortSignal.timeout(60_000)
/** Longer than it takes to send more than anybody would hold. */
const timeoutMs = 20_000
const MOST_BYTES = 256 * 1_048_576
const CHUNK = Buffer.alloc(1_048_576, 'x')
const log = OPTIONS.log
let sent = 0
let dir = ''

const server = createServer((_, response) => {
  response.writeHead(200, { 'content-type': 'application/json' })
  flood(response)
})

/** Ends by itself at some point, so that a test that fails does so soon. */
function flood(response: ServerResponse): void {
  while (sent < MOST_BYTES && !response.destroyed) {
    sent += CHUNK.length
    if (!response.write(CHUNK)) return void response.once('drain', () => flood(response))
  }
  response.end()
}

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'fairway-'))
  await writeFile(join(dir, 'token'), 'a-token\n')
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
})
after(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(dir, { recursive: true })
})

interface Client {
  close(): Promise<void>
}

async function endsEarly(client: Client, work: () => Promise<unknown>): Promise<void> {
  sent = 0
  await assert.rejects(work(), (error) => {
    assert.ok(error instanceof FairwayError, String(error))
    assert.deepEqual([error.problem.code, error.problem.kind], ['ProxyUnreachable', 'transient'])
    return /size/.test(error.problem.message)
  })
  assert.ok(sent < MOST_BYTES, `it has read ${sent} bytes`)
  await client.close()
}

const urlOf = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

test('a webhook', async () => {
  const url = `${urlOf()}/hooks/update-haproxy`
  const client = createWebhookClient({ ...OPTIONS, url, tokenFile: join(dir, 'token'), timeoutMs })
  await endsEarly(client, () =>
    client.call(
      { name: 'a', 'frontend-port': '80', 'backend-port': '80', 'dst-ip': '10.0.0.1', action: 'add' },
      signal,
    ),
  )
})

test('a Data Plane API', async () => {
  const tls = { tls: {}, userFile: undefined, listen: {}, declares: () => true, probe: false }
  const client = createDataplaneClient({
    ...tls,
    proxy: 'edge-1',
    url: urlOf(),
    owner: OWNER,
    log,
    timeoutMs,
    reloadTimeoutMs: timeoutMs,
  })
  await endsEarly(client, () => client.get('/configuration/raw', signal))
})

test("Caddy's admin API", async () => {
  const client = createAdminClient({ proxy: 'edge-1', url: urlOf(), tls: {}, timeoutMs })
  await endsEarly(client, () => client.get('/config/', signal))
})
